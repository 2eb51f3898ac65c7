// stands for the player page
