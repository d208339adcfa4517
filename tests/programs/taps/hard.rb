# hard.rb FOLDER: taps where a client has it hard, through the client for Ruby.
require "alive_tap"

def spent
  AliveTap.tap("no.descriptor")
end

class Stubborn
  def to_s
    raise "is no text"
  end
end

AliveTap.tap("stubborn", good: 1, bad: Stubborn.new, after: 2)
AliveTap.tap(Stubborn.new)
AliveTap.tap
AliveTap.tap("braces", { "order" => 17 })

taken = []
begin
  loop { taken << File.open("/dev/null") }
rescue SystemCallError
  spent
end
taken.each(&:close)
2.times { spent }

Signal.trap("USR1") { AliveTap.tap("handler") }
Process.kill("USR1", Process.pid)
Thread.new { AliveTap.tap("thread") }.join
if defined?(Ractor)
  # That this is an experiment is Ruby's own word.
  $VERBOSE = nil
  Ractor.new { 2.times { AliveTap.tap("ractor") } }.take
end
Dir.chroot(ARGV[0])
Dir.chdir("/")
AliveTap.tap("jail")
puts "done"
