account(__FILE__, caller_locations(1))

module Shop
  class Price
  end
end
