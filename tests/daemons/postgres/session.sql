-- What a session loads: procedural languages, extensions, dictionaries, conversions, the compiler.
do $$ begin perform 1; end $$;
select to_tsvector('english', 'running dogs');
select convert_to('abc', 'EUC_JP');
set jit = on;
set jit_above_cost = 0;
select sum(number) from generate_series(1, 1000) number;
-- No such library: the error is expected.
load 'alive_not_installed';
