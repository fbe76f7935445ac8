"""What a challenge is: manifest, lock, requirements, its folder."""
