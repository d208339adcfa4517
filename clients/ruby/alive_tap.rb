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
  class << self
    # tap(name, context) says once for each process and place that the code with this call is alive. Nothing is
    # refused: a context in braces is as good as one without.
    def tap(name = nil, braces = nil, **context)
      hit(false, name, braces, context)
    end

    # tap_each(name, context) says so every time.
    def tap_each(name = nil, braces = nil, **context)
      hit(true, name, braces, context)
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

    # Frozen constants, which a Ractor may read as well.
    def begin_once
      to = address
      name = ENV["ALIVE_NAME"]
      name = File.basename($PROGRAM_NAME) if name.nil? || name.empty?
      const_set(:FAMILY, to && to.afamily)
      const_set(:TO, to && to.to_sockaddr.freeze)
      const_set(:ALWAYS, { service: name.dup.freeze, host: Socket.gethostname.freeze }.freeze)
      private_constant :FAMILY, :TO, :ALWAYS
    rescue StandardError
      const_set(:TO, nil) unless const_defined?(:TO)
    end

    # Places that were told, of a Ractor of its own where it is one.
    def seen
      return @seen ||= {} unless defined?(Ractor)

      Ractor.current[:alive_tap_seen] ||= {}
    end

    def hit(each, name, braces, context)
      return unless TO

      name = text(name)
      return if name.empty?

      frames = caller_locations(2, 2)
      place = frames[0]
      told = seen
      if told[:pid] != Process.pid || told.size > 10_000
        told.clear
        told[:pid] = Process.pid
      end
      unless each
        site = [name, place.path, place.lineno]
        return if told[site]

        told[site] = true
      end
      context = braces.to_h.merge(context) if braces.respond_to?(:to_h)
      # Without a descriptor for a socket nothing was told: the next one tries again.
      told.delete(site) unless tell(name, place, frames[1], context)
      nil
    rescue StandardError
      nil
    end

    # False where there is no descriptor for a socket.
    def tell(name, place, above, context)
      columns = { name: name, file: place.path, line: place.lineno, pid: Process.pid, function: place.label }
      columns[:caller] = "#{above.path}:#{above.lineno} #{above.label}" if above
      line = +"alive1\tping"
      (columns.merge(ALWAYS).to_a + context.to_a).each do |key, value|
        value = escaped(value, key == :name ? 255 : 300)
        column = "\t#{escaped(key, 64)}=#{value}"
        line << column if !value.empty? && line.bytesize + column.bytesize < 1400
      end
      # A socket for this one call: a daemon closes the descriptors that it does not know.
      begin
        socket = Socket.new(FAMILY, Socket::SOCK_DGRAM, 0)
      rescue SystemCallError
        return false
      end
      begin
        socket.sendmsg_nonblock("#{line}\n", 0, TO, exception: false)
      ensure
        socket.close
      end
      true
    end

    # What something is as a text; an empty one where it does not want to be one.
    def text(value)
      value.to_s
    rescue StandardError
      ""
    end

    def escaped(value, longest)
      text(value).byteslice(0, longest).b.gsub(%r{[^A-Za-z0-9_.:/,+<>()\[\]-]}n) { |byte| format("%%%02X", byte.ord) }
    end
  end

  begin_once
end
