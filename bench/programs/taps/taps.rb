# taps.rb once|each COUNT: each line on standard input asks for one block of COUNT hits at one place, answered
# with the time of one in nanoseconds.
require_relative "alive_tap"

MODE = ARGV[0]
COUNT = ARGV[1].to_i
HIT = MODE == "once" ? -> { AliveTap.tap("bench") } : -> { AliveTap.tap_each("bench") }

$stdout.sync = true
while $stdin.gets
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond)
  COUNT.times { HIT.call }
  puts (Process.clock_gettime(Process::CLOCK_MONOTONIC, :nanosecond) - start).fdiv(COUNT)
end
