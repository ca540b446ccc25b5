"""Models: jobs that train and judge them, what came out, and whether a candidate may take over."""
