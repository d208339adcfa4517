require_relative "lazy_dependency"

module Lazy
  # Found by its name alone.
  class Thing
    def name
      DEPENDENCY
    end
  end
end
