"""What each step of a pipeline does with the folders it is given; components are doors to these."""
