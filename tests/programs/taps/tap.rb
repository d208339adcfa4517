# tap.rb once|fork|odd: hits taps through the client for Ruby.
require "alive_tap"

def total
  AliveTap.tap("checkout.legacy", order: 17) # the tap
end

def checkout
  total # the call
end

case ARGV[0]
when "once"
  3.times do
    checkout
    AliveTap.tap_each("every.time")
  end
when "fork"
  checkout
  Process.wait(fork { checkout })
when "odd"
  AliveTap.tap("odd \t\n\e[31m\xff%=", "k\ney": "x" * 60_000, after: "still", nothing: nil)
  AliveTap.tap("n" * 60_000)
  [nil, "", [], Object].each { |name| AliveTap.tap(name) }
end
puts "done"
