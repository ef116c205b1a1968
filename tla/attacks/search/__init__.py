"""How the ball is searched: one loop, the ways to step, the best image so far, a recorder."""
