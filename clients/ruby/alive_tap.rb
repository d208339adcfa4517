# Tells a collector that code is alive.
#
#     require "alive_tap"
#     AliveTap.tap("checkout.legacy")
#     AliveTap.tap("checkout.legacy", order: 17)
#
# tap sends one datagram, the first time in each process and at each place; tap_each sends one every time.
# Neither waits, raises or writes anything. ALIVE_ADDR is the collector's address (127.0.0.1:25483),
# ALIVE_NAME the name of the service, ALIVE_OFF=1 turns it off; all are read when the file is loaded.

require "socket"

module AliveTap
  @seen = {}
  @pid = nil

  class << self
    def tap(name, **context)
      hit(false, name, context) if @to
      nil
    end

    def tap_each(name, **context)
      hit(true, name, context) if @to
      nil
    end

    private

    # The collector's address, or nil where nothing is to be sent.
    def address
      off = ENV["ALIVE_OFF"]
      return nil unless off.nil? || off.empty? || off == "0"

      text = ENV["ALIVE_ADDR"]
      text = "127.0.0.1:25483" if text.nil? || text.empty?
      # Numbers only: to look a name up could take seconds.
      found = /\A(?:(\d+(?:\.\d+){3})|\[([0-9a-fA-F:.]+)\]):(\d{1,5})\z/.match(text)
      found && Addrinfo.udp(found[1] || found[2], found[3].to_i)
    rescue StandardError
      nil
    end

    def begin_once
      @to = address
      name = ENV["ALIVE_NAME"]
      @service = name.nil? || name.empty? ? File.basename($PROGRAM_NAME) : name
      @host = Socket.gethostname
    rescue StandardError
      @to = nil
    end

    def hit(each, name, context)
      frames = caller_locations(2, 2)
      place = frames[0]
      if @pid != Process.pid || @seen.size > 10_000
        @pid = Process.pid
        @seen = {}
      end
      unless each
        site = [name, place.path, place.lineno]
        return if @seen[site]

        @seen[site] = true
      end
      tell(name, place, frames[1], context)
    rescue StandardError
      nil
    end

    def tell(name, place, above, context)
      return if name.to_s.empty?

      columns = { name: name, file: place.path, line: place.lineno, pid: Process.pid, function: place.label }
      columns[:caller] = "#{above.path}:#{above.lineno} #{above.label}" if above
      columns.update(service: @service, host: @host)
      line = +"alive1\tping"
      (columns.to_a + context.to_a).each do |key, value|
        value = escaped(value, key == :name ? 255 : 300)
        column = "\t#{escaped(key, 64)}=#{value}"
        line << column if !value.empty? && line.bytesize + column.bytesize < 1400
      end
      # A socket for this one call: a daemon closes the descriptors that it does not know.
      socket = Socket.new(@to.afamily, Socket::SOCK_DGRAM, 0)
      begin
        socket.sendmsg_nonblock("#{line}\n", 0, @to, exception: false)
      ensure
        socket.close
      end
    end

    def escaped(value, longest)
      value.to_s.byteslice(0, longest).b.gsub(%r{[^A-Za-z0-9_.:/,+<>()\[\]-]}n) { |byte| format("%%%02X", byte.ord) }
    end
  end

  begin_once
end
