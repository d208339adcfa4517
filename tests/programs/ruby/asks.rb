# Loads a file of its own from every kind of place that Ruby code can ask from, in a forked child.
# Each file writes down who asked for it by Ruby's own account.
require "erb"
require "fiber"
require_relative "account"

FOLDER = File.join(Dir.pwd, "lib").freeze
$LOAD_PATH.unshift(FOLDER)

def file(name, body = "")
  text = "account(__FILE__, caller_locations(1))\n#{body}\n"
  File.write(File.join(FOLDER, "#{name}.rb"), text)
end

Dir.mkdir(FOLDER)
%w[in_method in_class_method in_block in_blocks in_proc in_lambda in_define_method in_sort in_eval in_eval_in_method
   in_block_of_eval in_instance_eval in_class_eval in_template in_autoload in_const_missing in_method_missing
   in_refinement in_super in_rescue in_ensure in_enumerator in_lazy in_thread in_thread_of_thread in_fiber
   in_fiber_of_fiber in_initialize in_to_s in_class in_send in_method_object in_tap in_trace in_inner
   in_trap in_at_exit in_ractor in_relative in_load in_stress in_compact in_auto_compact in_deep in_extension
   in_retry in_catch in_wrapped].each { |name| file(name) }
8.times { |number| file("in_threads_#{number}") }
file("in_outer", "\n\nrequire 'in_inner'")

class Shop
  autoload :Late, "in_autoload"
  def self.const_missing(name)
    require "in_const_missing"
    const_set(name, 1)
  end
  def self.open = require("in_class_method")
  def initialize = require("in_initialize")
  def add
    require "in_method"
  end
  define_method(:defined) { require "in_define_method" }
  def method_missing(name, *) = require("in_method_missing")
  def respond_to_missing?(*) = true
  def evaluated = eval("\n\nrequire 'in_eval_in_method'", binding, "a text.rb", 70)
  def block_evaluated = [1].each { eval("require 'in_block_of_eval'", nil, "block text.rb", 7) }
  def page = ERB.new("first\n<% require 'in_template' %>").tap { |erb| erb.filename = "page.erb" }.result(binding)
  def to_s
    require "in_to_s"
    "shop"
  end
  def each_deep(left)
    return require("in_deep") if left.zero?
    each_deep(left - 1)
  end
  Shop.class_eval("def written\n  require 'in_class_eval'\nend", "written.rb", 30)
end

class Branch < Shop
  def add
    super
    require "in_super"
  end
end

module Refined
  refine String do
    def load_me = require("in_refinement")
  end
end
using Refined

def from_threads
  8.times.map { |number| Thread.new { Thread.pass; require "in_threads_#{number}" } }.each(&:join)
end

def catching
  catch(:done) { require "in_catch"; throw :done }
end

def failing
  raise "x"
rescue RuntimeError
  require "in_rescue"
ensure
  require "in_ensure"
end

def again
  tries = (tries || 0) + 1
  raise "x" if tries < 2
  require "in_retry"
rescue RuntimeError
  retry
end

child = fork do
  shop = Shop.new
  shop.add
  Branch.allocate.add
  Shop.open
  [1].each { require "in_block" }
  [1].each { [2].map { |_| 3.times { require "in_blocks" } } }
  Proc.new { require "in_proc" }.call
  -> { require "in_lambda" }.()
  shop.defined
  [3, 1].sort { |a, b| require "in_sort"; a <=> b }
  eval("require 'in_eval'")
  shop.evaluated
  shop.block_evaluated
  shop.instance_eval("\nrequire 'in_instance_eval'", "instance.rb", 40)
  shop.written
  shop.page
  Shop::Late rescue NameError
  Shop::Missing
  shop.anything
  "".load_me
  failing
  again
  catching
  Enumerator.new { |out| require "in_enumerator"; out << 1 }.next
  [1].lazy.map { require "in_lazy" }.first
  Thread.new { require "in_thread" }.join
  Thread.new { Thread.new { require "in_thread_of_thread" }.join }.join
  Fiber.new { require "in_fiber" }.resume
  Fiber.new { Fiber.new { require "in_fiber_of_fiber" }.resume }.resume
  "#{shop}"
  Class.new { require "in_class" }
  shop.send(:require, "in_send")
  shop.method(:require).unbind.bind_call(shop, "in_method_object")
  1.tap { require "in_tap" }
  traced = TracePoint.new(:call) { |point| require "in_trace" if point.method_id == :catching }
  traced.enable { catching }
  require "in_outer"
  Signal.trap("USR1") { load File.join(FOLDER, "in_trap.rb") }
  Process.kill("USR1", Process.pid)
  sleep 0.001 until File.read(ACCOUNT).include?(File.join(FOLDER, "in_trap.rb").unpack1("H*"))
  Ractor.new { load File.join(FOLDER, "in_ractor.rb") }.take
  require_relative "lib/in_relative"
  load "in_load.rb"
  load "in_wrapped.rb", true
  GC.stress = true
  require "in_stress"
  GC.stress = false
  GC.compact
  require "in_compact"
  GC.auto_compact = true
  from_threads
  require "in_auto_compact"
  GC.auto_compact = false
  shop.each_deep(100)
  require File.join(Dir.pwd, "in_c.so") if File.exist?("in_c.so")
  at_exit { require "in_at_exit" }
end
Process.wait(child)
exit($?.exitstatus || 1)
