asked __FILE__

require File.join(__dir__, "inner")
