# Writes down who asked for a file by Ruby's own `caller_locations`: its name, then the frames, innermost
# first, as "file:line", all in hex.
#
# Ruby's account has a frame for each function in C and each block, with the line of the code around
# it; of neighbours with one file and line, one is written down.
ACCOUNT = ENV.fetch("ACCOUNT").dup.freeze

def account(file, frames)
  places = frames.select { |frame| frame.path && frame.lineno.to_i > 0 && !frame.path.start_with?("<internal:") }
  places = places.map { |frame| "#{frame.path}:#{frame.lineno}" }
  places = places.chunk_while { |inner, outer| inner == outer }.map(&:first)
  line = [file, *places].map { |text| text.unpack1("H*") }.join(" ")
  # One write each, so that threads do not mix.
  File.open(ACCOUNT, "a") { |out| out.syswrite("#{line}\n") }
end
