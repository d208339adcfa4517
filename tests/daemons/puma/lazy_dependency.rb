module Lazy
  DEPENDENCY = "thing".freeze
end
