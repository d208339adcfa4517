# A Rack application that requires at its requests what it could have required at its start. With
# EAGER set it does require it at its start, all but what one page needs.

# Long enough for the second worker to be asked while the first one answers, in seconds.
HOLD = 0.05

EARLY = %w[json erb set psych openssl digest csv rexml/document sinatra/base].freeze

# One library that comes by itself when its name is used.
module Lazy
  autoload :Thing, File.join(__dir__, "lazy_thing.rb")
end

PAGES = {
  "/" => -> { "well" },
  "/json" => lambda {
    require "json"
    JSON.generate(ok: true)
  },
  "/erb" => lambda {
    require "erb"
    ERB.new("<%= 1 + 1 %>").result
  },
  "/native" => lambda {
    require "psych"
    require "openssl"
    require "digest"
    Digest::SHA256.hexdigest(Psych.dump([1]))
  },
  "/text" => lambda {
    require "csv"
    require "rexml/document"
    CSV.generate_line([REXML::Document.new("<a/>").root.name])
  },
  "/framework" => lambda {
    require "sinatra/base"
    Sinatra::VERSION
  },
  "/auto" => -> { Lazy::Thing.new.name },
  "/late" => lambda {
    require "abbrev"
    Abbrev.abbrev(["list"]).keys.join(" ")
  },
  "/optional" => lambda {
    begin
      require "acme_not_installed"
      "with it"
    rescue LoadError
      "without it"
    end
  },
  "/optional/below" => lambda {
    begin
      require "acme/below"
      "with it"
    rescue LoadError
      "without it"
    end
  }
}.freeze

if ENV["EAGER"]
  EARLY.each { |name| require name }
  Lazy::Thing
end

run(lambda do |env|
  sleep HOLD
  page = PAGES[env["PATH_INFO"]]
  next [404, { "content-type" => "text/plain" }, ["nothing here"]] unless page

  [200, { "content-type" => "text/plain" }, [page.call.to_s]]
end)
