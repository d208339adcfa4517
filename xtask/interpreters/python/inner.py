from asked import asked

asked(__file__)
