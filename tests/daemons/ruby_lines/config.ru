# A Rack application that requires at its requests, each page by a way of its own. Files of its own write
# down who asked for them. LOADER is "zeitwerk" or "bootsnap" where that is to be used.
require_relative "account"

# Long enough for other threads to be asked meanwhile, in seconds.
HOLD = 0.01

case ENV["LOADER"]
when "zeitwerk"
  require "zeitwerk"
  Zeitwerk::Loader.new.tap { |loader| loader.push_dir(File.join(__dir__, "app")) }.setup
when "bootsnap"
  require "bootsnap"
  Bootsnap.setup(cache_dir: File.join(__dir__, "cache"), development_mode: false, load_path_cache: true,
                 compile_cache_iseq: true, compile_cache_yaml: false, compile_cache_json: false)
end
$LOAD_PATH.unshift(File.join(__dir__, "lib"))

if ENV["LOADER"] != "zeitwerk"
  Object.autoload :Shop, File.join(__dir__, "app/shop.rb")
  Object.autoload :Cart, File.join(__dir__, "app/cart.rb")
end

def checkout
  require "plain"
end

PAGES = {
  "/plain" => -> { checkout },
  "/relative" => -> { require_relative "lib/relative" },
  "/load" => -> { load File.join(__dir__, "lib/loaded.rb") },
  "/nested" => -> { require "outer" },
  "/autoload" => -> { Cart.new.total },
  "/template" => lambda {
    require "erb"
    ERB.new("<p>\n<% require 'in_template' %>").tap { |erb| erb.filename = "page.erb" }.result(binding)
  },
  "/thread" => -> { Thread.new { require "in_thread" }.join },
  "/fiber" => -> { Fiber.new { require "in_fiber" }.resume },
  "/library" => lambda {
    require "csv"
    require "digest"
  },
  "/optional" => lambda {
    begin
      require "acme_not_installed"
    rescue LoadError
      "without it"
    end
  },
  "/framework" => lambda {
    require "sinatra/base"
    page = Class.new(Sinatra::Base) { get("/framework") { require "in_framework" } }
    page.call("REQUEST_METHOD" => "GET", "PATH_INFO" => "/framework", "rack.input" => StringIO.new)[0]
  }
}.freeze

run(lambda do |env|
  sleep HOLD
  page = PAGES[env["PATH_INFO"]]
  next [404, { "content-type" => "text/plain" }, ["nothing here"]] unless page

  [200, { "content-type" => "text/plain" }, [page.call.to_s]]
end)
