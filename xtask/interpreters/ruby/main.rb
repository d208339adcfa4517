# Requires in a forked child: in a method, from file to file, in a thread. Each file prints its own
# name, and the file and the line that asked for it.
def asked(file)
  place = caller_locations(2).find do |location|
    path = location.path
    path != file && !path.start_with?("<internal:") && !path.include?("/rubygems/")
  end
  puts "asked #{file}\t#{place.path}\t#{place.lineno}"
end

def in_a_method
  require_relative "outer"
end

puts "version #{RUBY_VERSION}"
$stdout.flush
child = fork do
  in_a_method
  Thread.new { require File.join(__dir__, "threaded") }.join
end
Process.wait child
exit $?.exitstatus
