account(__FILE__, caller_locations(1))

class Cart
  def total
    Shop::Price.new.to_s
  end
end
