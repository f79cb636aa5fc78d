-- Rollups: sums by minute, hour and day of what ended in it. Made by tracestore/rollups.py from trace, llm_call and
-- tool_call, as tracestore/facts.py declares them; `manage.py rebuild` makes all of it again, minutes older than the spans
-- that are kept excepted. grain_s: 60, 3600 or 86400. start_s: Unix seconds. Sums are NULL where nothing was reported.
-- A dimension is NULL where it is unknown, '__other__' where there were too many. Histograms: see analysis/histogram.py.

-- As before, in a form that the planner inlines: a call cost 1.2 us, of which usage by user made 30,000.
CREATE OR REPLACE FUNCTION bounded(total numeric) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN total > 2305843009213693952 THEN 2305843009213693952 ELSE total END::bigint;

-- The bucket of a duration or cost: the mirror of analysis/histogram.py.
CREATE FUNCTION histogram_bucket(value bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN width_bucket(greatest(value, 1) - 1, ARRAY[
  1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 6, 7, 8, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19,
  20, 22, 24, 26, 29, 32, 34, 38, 41, 45, 49, 53, 58, 64, 69, 76, 82, 90, 98, 107, 117, 128, 139, 152, 165, 181,
  197, 215, 234, 256, 279, 304, 331, 362, 394, 430, 469, 512, 558, 608, 663, 724, 789, 861, 939, 1024, 1116, 1217,
  1327, 1448, 1579, 1722, 1878, 2048, 2233, 2435, 2655, 2896, 3158, 3444, 3756, 4096, 4466, 4870, 5311, 5792, 6316,
  6888, 7512, 8192, 8933, 9741, 10623, 11585, 12633, 13777, 15024, 16384, 17866, 19483, 21247, 23170, 25267, 27554,
  30048, 32768, 35733, 38967, 42494, 46340, 50535, 55108, 60096, 65536, 71467, 77935, 84989, 92681, 101070, 110217,
  120193, 131072, 142935, 155871, 169979, 185363, 202140, 220435, 240387, 262144, 285870, 311743, 339958, 370727,
  404281, 440871, 480774, 524288, 571740, 623487, 679917, 741455, 808562, 881743, 961548, 1048576, 1143480, 1246974,
  1359834, 1482910, 1617125, 1763487, 1923096, 2097152, 2286960, 2493948, 2719669, 2965820, 3234250, 3526975,
  3846193, 4194304, 4573920, 4987896, 5439339, 5931641, 6468501, 7053950, 7692387, 8388608, 9147841, 9975792,
  10878678, 11863283, 12937002, 14107900, 15384774, 16777216, 18295683, 19951584, 21757357, 23726566, 25874004,
  28215801, 30769549, 33554432, 36591367, 39903169, 43514714, 47453132, 51748008, 56431603, 61539099, 67108864,
  73182735, 79806338, 87029429, 94906265, 103496016, 112863206, 123078199, 134217728, 146365470, 159612677,
  174058858, 189812531, 206992033, 225726412, 246156398, 268435456, 292730940, 319225354, 348117717, 379625062,
  413984066, 451452825, 492312796, 536870912, 585461880, 638450708, 696235434, 759250124, 827968132, 902905650,
  984625593, 1073741824, 1170923761, 1276901416, 1392470868, 1518500249, 1655936264, 1805811301, 1969251187,
  2147483648, 2341847523, 2553802833, 2784941737, 3037000499, 3311872529, 3611622602, 3938502375, 4294967296,
  4683695047, 5107605667, 5569883475, 6074000999, 6623745058, 7223245205, 7877004751, 8589934592, 9367390095,
  10215211334, 11139766950, 12148001999, 13247490117, 14446490411, 15754009503, 17179869184, 18734780191,
  20430422668, 22279533901, 24296003999, 26494980234, 28892980822, 31508019006, 34359738368, 37469560382,
  40860845336, 44559067803, 48592007999, 52989960469, 57785961645, 63016038013, 68719476736, 74939120765,
  81721690673, 89118135606, 97184015999, 105979920938, 115571923290, 126032076027, 137438953472, 149878241530,
  163443381347, 178236271212, 194368031998, 211959841877, 231143846581, 252064152055, 274877906944, 299756483061,
  326886762694, 356472542424, 388736063996, 423919683754, 462287693163, 504128304110, 549755813888, 599512966122,
  653773525389, 712945084849, 777472127993, 847839367509, 924575386326, 1008256608221, 1099511627776, 1199025932245,
  1307547050779, 1425890169698, 1554944255987, 1695678735018, 1849150772653, 2016513216442, 2199023255552,
  2398051864490, 2615094101558, 2851780339397, 3109888511975, 3391357470036, 3698301545306, 4033026432884,
  4398046511104, 4796103728980, 5230188203117, 5703560678794, 6219777023950, 6782714940072, 7396603090612,
  8066052865769, 8796093022208, 9592207457960, 10460376406235, 11407121357589, 12439554047901, 13565429880144,
  14793206181225, 16132105731538, 17592186044416, 19184414915921, 20920752812471, 22814242715178, 24879108095803,
  27130859760288, 29586412362451, 32264211463076, 35184372088832, 38368829831842, 41841505624942, 45628485430356,
  49758216191607, 54261719520577, 59172824724903, 64528422926153, 70368744177664, 76737659663685, 83683011249884,
  91256970860712, 99516432383215, 108523439041155, 118345649449806, 129056845852306, 140737488355328,
  153475319327371, 167366022499768, 182513941721425, 199032864766430, 217046878082310, 236691298899613,
  258113691704612, 281474976710656, 306950638654743, 334732044999537, 365027883442850, 398065729532860,
  434093756164621, 473382597799226, 516227383409224, 562949953421312, 613901277309487, 669464089999074,
  730055766885700, 796131459065721, 868187512329243, 946765195598453, 1032454766818448, 1125899906842624,
  1227802554618974, 1338928179998149, 1460111533771401, 1592262918131443, 1736375024658486, 1893530391196907,
  2064909533636897, 2251799813685248, 2455605109237949, 2677856359996298, 2920223067542803, 3184525836262886,
  3472750049316973, 3787060782393814, 4129819067273795, 4503599627370496, 4911210218475898, 5355712719992597,
  5840446135085607, 6369051672525772, 6945500098633947, 7574121564787629, 8259638134547591, 9007199254740992,
  9822420436951797, 10711425439985194, 11680892270171214, 12738103345051545, 13891000197267894, 15148243129575258,
  16519276269095182, 18014398509481984, 19644840873903595, 21422850879970388, 23361784540342428, 25476206690103090,
  27782000394535789, 30296486259150517, 33038552538190364, 36028797018963968, 39289681747807190, 42845701759940777,
  46723569080684856, 50952413380206180, 55564000789071578, 60592972518301034, 66077105076380729, 72057594037927936,
  78579363495614381, 85691403519881554, 93447138161369713, 101904826760412361, 111128001578143157,
  121185945036602069, 132154210152761458, 144115188075855872, 157158726991228763, 171382807039763109,
  186894276322739427, 203809653520824722, 222256003156286315, 242371890073204139, 264308420305522916,
  288230376151711744, 314317453982457527, 342765614079526219, 373788552645478855, 407619307041649444,
  444512006312572630, 484743780146408279, 528616840611045833, 576460752303423488, 628634907964915054,
  685531228159052438, 747577105290957710, 815238614083298888, 889024012625145261, 969487560292816559,
  1057233681222091666, 1152921504606846976, 1257269815929830108, 1371062456318104877, 1495154210581915421,
  1630477228166597776, 1778048025250290523, 1938975120585633118, 2114467362444183333, 2305843009213693952,
  2514539631859660217, 2742124912636209755, 2990308421163830842, 3260954456333195553, 3556096050500581047,
  3877950241171266237, 4228934724888366667, 4611686018427387904, 5029079263719320435, 5484249825272419511,
  5980616842327661685, 6521908912666391106, 7112192101001162094, 7755900482342532474, 8457869449776733335
]::bigint[])::bigint;

-- Cells of one or many histograms, in any order, as one histogram; NULL for none.
CREATE FUNCTION histogram_pack(cells bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT array_agg((bucket << 40) + n ORDER BY bucket)
  FROM (
    SELECT cell >> 40 AS bucket, sum(cell & 1099511627775)::bigint AS n FROM unnest(cells) AS cell GROUP BY cell >> 40
  ) AS summed;
END;
CREATE AGGREGATE histogram_sum(bigint[]) (SFUNC = array_cat, STYPE = bigint[], FINALFUNC = histogram_pack, PARALLEL = SAFE);

-- How often a trace's spans were of which model, service, ...: traces of one kind share a row, so it costs them 8 bytes.
-- counts: {dimension: [[key, traces (0 or 1), spans, error spans], ...]}. id: hash of them.
CREATE TABLE span_profile (
  project integer NOT NULL,
  day date NOT NULL, -- of the traces that point to it
  id bigint NOT NULL,
  counts jsonb NOT NULL,
  PRIMARY KEY (project, id, day)
) PARTITION BY RANGE (day);

-- What has to be summed again: minutes when something in them was settled, hours when one of their minutes was summed, ...
-- A reader takes what is marked from the finer grain, in the end from the rows themselves; so it is never wrong, or late.
CREATE TABLE rollup_mark (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  PRIMARY KEY (project, grain_s, start_s)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE rollup_state (
  project integer PRIMARY KEY,
  reach_days integer NOT NULL DEFAULT 1, -- most days between the storage day of a row and its end
  frozen_before_s bigint NOT NULL DEFAULT 0, -- minutes before it are never summed again: their rows may be gone
  minutes_from_s bigint NOT NULL DEFAULT 0, -- minutes before it are no longer kept, only hours and days
  rest_until_ns bigint NOT NULL DEFAULT 0 -- summing rests in proportion to what it cost
);

-- Which dimension had more values, or which rollup more combinations (dimension ''), than are kept apart.
CREATE TABLE rollup_capped (
  project integer NOT NULL,
  rollup text NOT NULL,
  dimension text NOT NULL,
  last_start_s bigint NOT NULL,
  PRIMARY KEY (project, rollup, dimension)
);

-- Requests. Grain: service, its version and set, environment and operation of the root.
CREATE TABLE request_rollup (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  service text,
  service_version text,
  version_set text,
  environment text,
  operation text,
  requests bigint NOT NULL,
  errors bigint NOT NULL,
  spans bigint NOT NULL,
  error_spans bigint NOT NULL,
  llm_calls bigint NOT NULL,
  llm_errors bigint NOT NULL,
  embedding_calls bigint NOT NULL,
  tool_calls bigint NOT NULL,
  tool_errors bigint NOT NULL,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  reasoning_tokens bigint,
  embedding_tokens bigint,
  cost_nanousd bigint,
  unpriced_calls bigint NOT NULL,
  duration bigint[], -- ns, of those that succeeded
  failed_duration bigint[],
  ttft bigint[],
  cost bigint[] -- nano-USD, where it is known
);
CREATE INDEX request_rollup_start ON request_rollup (project, grain_s, start_s);

-- Billable LLM calls. Grain: who called (service, its version and set, environment) what (operation, provider, model).
CREATE TABLE call_rollup (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  service text,
  service_version text,
  version_set text,
  environment text,
  operation text,
  provider text,
  model text,
  calls bigint NOT NULL,
  errors bigint NOT NULL,
  llm_calls bigint NOT NULL, -- of chat and completion
  llm_errors bigint NOT NULL,
  embedding_calls bigint NOT NULL,
  input_tokens bigint, -- of chat and completion calls, and of agent spans without a call below
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  reasoning_tokens bigint,
  embedding_tokens bigint,
  cost_nanousd bigint,
  unpriced_calls bigint NOT NULL, -- with tokens but no cost
  lacking_price bigint NOT NULL, -- of them those that a price would have given a cost
  retries bigint,
  duration bigint[], -- ns, of calls that succeeded
  failed_duration bigint[],
  ttft bigint[]
);
CREATE INDEX call_rollup_start ON call_rollup (project, grain_s, start_s);

-- Executions of tools. Grain: who executed which tool, asked for by which model.
CREATE TABLE tool_rollup (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  service text,
  service_version text,
  version_set text,
  environment text,
  tool text,
  model text,
  tool_calls bigint NOT NULL,
  tool_errors bigint NOT NULL,
  retries bigint,
  duration bigint[],
  failed_duration bigint[]
);
CREATE INDEX tool_rollup_start ON tool_rollup (project, grain_s, start_s);

-- Usage: all that counts under one key of one dimension (none, model, service, user, tenant, version, version_set, operation).
CREATE TABLE usage_rollup (
  project integer NOT NULL,
  grain_s integer NOT NULL,
  start_s bigint NOT NULL,
  dimension text NOT NULL,
  key text,
  traces bigint NOT NULL,
  spans bigint NOT NULL,
  error_spans bigint NOT NULL,
  llm_calls bigint NOT NULL,
  llm_errors bigint NOT NULL,
  embedding_calls bigint NOT NULL,
  tool_calls bigint NOT NULL,
  tool_errors bigint NOT NULL,
  input_tokens bigint,
  output_tokens bigint,
  cache_read_tokens bigint,
  cache_creation_tokens bigint,
  reasoning_tokens bigint,
  embedding_tokens bigint,
  cost_nanousd bigint,
  unpriced_calls bigint NOT NULL
);
CREATE INDEX usage_rollup_start ON usage_rollup (project, dimension, grain_s, start_s);
CREATE INDEX usage_rollup_fill ON usage_rollup (project, grain_s, start_s);
