"""Video: footage generated, encoded by ffmpeg, and looked at."""
