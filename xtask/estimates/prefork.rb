# prefork.rb measured|plain WORKERS STATEMENT
#
# Forks workers, one after another, that execute one statement. When it is to be measured each prints what the
# statement took it: microseconds, of them on a CPU, minor faults, KiB of private memory.

def private_kib
  File.read('/proc/self/smaps_rollup').scan(/^Private_(?:Clean|Dirty):\s+(\d+)/).sum { |(kib)| kib.to_i }
end

def used
  stat = File.read('/proc/self/stat').sub(/.*\) /m, '').split
  clocks = [Process::CLOCK_MONOTONIC, Process::CLOCK_PROCESS_CPUTIME_ID]
  clocks.map { |clock| Process.clock_gettime(clock, :microsecond) } + [stat[7].to_i]
end

how, workers, statement = ARGV
work = eval("proc { #{statement} }")
Integer(workers).times do
  worker = fork do
    if how == 'plain'
      work.call
    else
      # What measuring itself touches is private from here on.
      private_kib
      used
      memory = private_kib
      before = used
      work.call
      after = used
      grown = private_kib - memory
      puts [*after.zip(before).map { |late, early| late - early }, grown].join(' ')
      $stdout.flush
    end
    exit!(0)
  end
  Process.wait(worker)
  abort 'the worker failed' unless $?.success?
end
