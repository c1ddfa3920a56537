"""What a command measures and concludes, one file each."""
