account(__FILE__, caller_locations(1))

module Shop
  autoload :Price, File.join(__dir__, "shop/price.rb") unless defined?(Zeitwerk)
end
