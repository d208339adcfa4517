asked __FILE__
