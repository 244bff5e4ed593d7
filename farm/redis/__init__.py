"""The farm's Redis: starting it, who may do what there, and the lines by which it is reached."""
