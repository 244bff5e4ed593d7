"""Files: results out to other farms, and in from them or from measurements made elsewhere."""
