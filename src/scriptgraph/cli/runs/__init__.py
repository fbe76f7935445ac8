"""Commands that run a script: run, plan, replay."""
