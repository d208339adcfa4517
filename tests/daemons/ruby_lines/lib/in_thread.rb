account(__FILE__, caller_locations(1))
