"""Where things stand: in a series, in a watch, in the tables of rules.

A series is one piece of the arena: its own words, then for each rule of its group the
address of that rule's state, 0 before its ``where`` first matched. Numbers in capitals
are places relative to the beginning of a piece, or columns of a table.
"""

from __future__ import annotations

from typing import Final

from detectors.metrics import COLUMN

# A series.
NUMBER: Final = 0
"""Its place among the partition's series."""
GROUP: Final = 1
"""Its rules; -1 if the book has none for it."""
LAST_US: Final = 2
"""Largest ``ended_at`` of its sessions."""
FLOOR_US: Final = 3
"""The series' time when that session was late."""
ORDER: Final = 4
"""Number of the observation that set it."""
LAST_OFFSET: Final = 5
"""Of the last block that changed it."""
IN_BLOCK: Final = 6
"""Number of the last fold in which it was let in."""
BOUND_US, BOUND_ORDER = 7, 8
"""Where it stands among the timers."""
DIRTY: Final = 9
SALT: Final = 10
"""What tells its observations from those of other series."""
SEQ_FLOOR: Final = 11
"""What the ``seq`` of its first lines must be above."""
WATCHES: Final = 12
"""The addresses of its rules' states begin here."""

# Every watch.
QUIET: Final = 0
"""What may be folded without a word: see below."""
ALWAYS_ASK, ALL_WELL, TOO_YOUNG = 0, 1, 2
"""Ask Python about each session; nothing is wrong; too little is known to judge."""
SEQ, GENERATION = 1, 2
"""What is left of an alert's life while nothing is wrong."""

# A threshold on each session; on cost, its factors follow.
LIMIT: Final = 3
EACH_WIDTH: Final = 4

# A window of the last sessions.
ENTER_NOW: Final = 3
"""The value of the window up to which there is nothing to be said; infinite."""
HELD: Final = 4
"""Samples at hand, the oldest first; the last of them are the window."""
HELD_ROOM: Final = 5
SIGNED: Final = 6
"""Address of the samples, or of a rate's numerators: signed."""
DIVIDED_BY: Final = 7
"""Address of a rate's denominators."""
SKIPPED: Final = 8
"""Address of marks on those that the baseline must not learn, 0 without any."""
PAUSE: Final = 9
"""So many at hand are tidied up."""
SLACK, LEAST, AHEAD = 10, 11, 12
"""Means: how much the sum may grow before the window needs a look, the smallest sample
that may leave before then, and so many at hand need one in any case."""
ABOVE, BELOW = 10, 11
"""Rates: the sums over the window."""
HARMLESS, CREDIT = 10, 11
"""Ranks: samples up to it cannot make the window worse, and of others so many."""
SHIFT, SHIFT_FIRST = 13, 14
"""Address of the summary since firing began, 0 without, and where what it has not seen
begins among those at hand."""
PACKED: Final = 15
"""How the samples are kept; see ``kernels.packed``."""
COUNTED_WIDTH: Final = 16
SUMMARY_AT: Final = 16
"""With a baseline its summary follows."""

# A window of time: its limit is ``ENTER_NOW`` as well.
BEGIN_US, END_US = 4, 5
"""Bounds of the step that the clock is in, if it holds anything."""
STEP_AT: Final = 6
"""Address of that step, 0 without."""
FIRST_STEP, LAST_STEP = 7, 8
"""Addresses of the steps that hold anything, in order of time."""
REST_SAMPLES, REST_TOTAL, REST_WEIGHT, REST_BEYOND = 9, 10, 11, 12
"""What is in all steps but that one."""
MORE_AT: Final = 13
"""Samples at which to look again."""
BEGUN: Final = 14
"""Whether it has once held enough to be judged."""
TOUCHED: Final = 15
"""Address of the step that the last sample fell into."""
INSIDE: Final = 16
"""A histogram of all steps."""
TIMED_WIDTH: Final = 19
ERAS_AT: Final = 19
"""With a baseline what was before the window follows."""

# What was before a window of time: steps, a few of them together.
FIRST_ERA, LAST_ERA = 0, 1
ERAS_BORN: Final = 2
"""Step of the first sample ever; NEVER_BORN."""
FLOOR: Final = 3
"""The same after a shift that was accepted: no window holds it, or one before it."""
STAND_IN, STAND_STEP = 4, 5
"""The level that was accepted, NaN without, and the last step over at that time."""
ERAS_EXPECTED: Final = 6
FORMED, FORMED_WHOLE = 7, 8
"""The newest era, and how many windows, when that was formed last; NEVER_BORN."""
TOGETHER: Final = 9
"""A histogram, while a window is put together."""
ERAS_WIDTH: Final = 12
NEVER_BORN: Final = -(1 << 62)

# A step, or an era; values are signed.
STEP_NEXT, STEP_NUMBER = 0, 1
STEP_SAMPLES: Final = 2
"""Twice as many as there are; one more if it holds what must not be learned."""
STEP_TOTAL, STEP_WEIGHT = 3, 4
"""The latter of rates alone."""
STEP_LOW, STEP_HIGH = 3, 4
"""Of ranks these instead."""
STEP_BEYOND: Final = 5
"""Samples beyond the mildest fixed limit."""
STEP_COUNTS: Final = 6

# A summary of what was learned: runs of samples, slabs, the oldest first.
FIRST_SLAB, LAST_SLAB = 0, 1
SUMMARISED: Final = 2
"""Samples."""
BOUND_LOW, BOUND_HIGH = 3, 4
"""Where values are winsorised."""
EXPECTED: Final = 5
"""NaN while there is too little."""
COUNTS: Final = 6
"""A histogram of all slabs."""
SUMMARY_WIDTH: Final = 9

# A slab.
NEXT_SLAB, SLAB_BEGAN_US, SLAB_ENDED_US, SLAB_LEARNED = 0, 1, 2, 3
SPREAD_COUNT, SPREAD_TOTAL, SPREAD_SQUARES = 4, 5, 6
SLAB_TOTAL, SLAB_WEIGHT = 7, 8
SLAB_LOW, SLAB_HIGH = 7, 8
"""Of ranks these instead."""
SLAB_COUNTS: Final = 9
SLAB_WIDTH: Final = 12

# Absence.
SEEN_US, SEEN_FLOOR_US, SEEN_ORDER = 3, 4, 5
ABSENCE_WIDTH: Final = 6

# Silence that learns what is usual: the words of absence, then
HOUR_US: Final = 6
"""When the hour of the newest session began."""
USUAL: Final = 7
"""Expected sessions of an hour; 0 while that is not known."""
COUNT: Final = 8
"""Sessions of this hour."""
GAPS, GAPS_TOTAL, GAPS_SQUARES = 9, 10, 11
"""Number, sum and sum of squares of the gaps, in expected sessions; faded."""
FIRST_HOUR: Final = 12
"""That was counted, since 1970."""
PART_COUNT, PART_SILENT = 13, 14
"""Sessions of this part of the week without this hour, and those of its hours that lie
in a silence that was told."""
OF_LATE, USUAL_OF_LATE = 15, 16
"""Sessions of late, and what was usual; faded."""
TIMES_TOLD: Final = 17
"""Silences that were told; faded."""
BUSY: Final = 18
"""How busy it is today, 1 at most."""
MISSING_MOST: Final = 19
"""Sessions that have to be missing; 0 while too little is known."""
APART: Final = 20
"""Whether today is a Saturday or Sunday not seen before, its own measure."""
BY_HOUR: Final = 21
"""Sessions by hour of the day."""
HOURS_OF_DAY: Final = 24
BY_PART: Final = BY_HOUR + HOURS_OF_DAY
"""And by part of the week."""
PARTS_OF_WEEK: Final = 28
SILENCE_WIDTH: Final = BY_PART + PARTS_OF_WEEK

# Drift. Behind the number of samples its words are halves, integers of 32 bits each
# (``halves.half``).
SAMPLES: Final = 3
"""So far: a word."""
STRATA: Final = 8
"""The first one's address."""
STRATA_COUNT: Final = 9
INDEX: Final = 10
"""Address of the strata by their labels, 0 where they are few; see ``kernels.index``."""
SUSPECTS: Final = 11
"""Address of the ring of suspects, 0 without any."""
WAITING: Final = 12
"""Address of the queue of what waits to be learned, 0 without any."""
SEASON: Final = 13
"""Address of the profiles, one a facet; 0 while the series has few sessions, then less
the hour since 1970 from which on they are counted."""
RENEWED: Final = 14
"""The sample at which a new normal was taken; NEVER."""
TOLD_FACET: Final = 15
"""On which the last change was told."""
DOUBTED: Final = 16
"""Whether one that has just begun may well be bad beside its peers: its sessions stay
suspects."""
BACK: Final = 17
"""Evidence, in nats, of a return to the level before a new normal: a float."""
RELEASES: Final = 18
"""Of ``agent_version``, then of ``model``: the first, and once there was another one the
address of what is known of them, 0 before."""
FIRST_LABEL, ALL_LABELS = 0, 1
LABEL_WIDTH: Final = 2
NEWEST, SINCE, KNOWN = 0, 1, 2
"""Halves of all of them: the newest, since which sample, and the last few."""
REMEMBERED: Final = 8
RELEASES_WIDTH: Final = (KNOWN + REMEMBERED) // 2
CHANGE: Final = (RELEASES + 2 * LABEL_WIDTH) // 2
"""Word: address of what is known of a change that is told of and has not ended; 0
without."""
LAST_BET: Final = CHANGE + 1
"""The last sample that was bet on, or after which all bets began anew; see
``kernels.moments``."""
BETS: Final = LAST_BET + 1
"""For each facet its bets, then perhaps what tells of creeps and the factors of cost."""
NEVER: Final = -1

# A change that is told of, on the facet ``TOLD_FACET``.
C_BET: Final = 0
"""The bet that fired."""
C_LOW: Final = 1
"""The sample since which the series has been on its way back."""
C_SINCE: Final = 2
"""Samples since the change."""
C_SHIFT: Final = 3
"""Mean deviation since then."""
C_RETURNED: Final = 4
"""Nats that speak for the way back."""
C_FAR: Final = 5
"""Of a change of a share of the sessions how large it is; of a shift of all the nats that
the way back must show beyond the usual."""
CHANGE_WIDTH: Final = 6

# A stratum: what is normal for sessions alike. Its first words are halves, integers of 32
# bits each (``halves.half``).
NEXT: Final = 0
SEEN: Final = 1
"""The last sample."""
KEY_AGENT, KEY_TASK = 2, 3
LEARNED: Final = 4
"""Samples that its norms have learned."""
RUNS_ON: Final = 5
"""The model of its last session."""
BORN: Final = 6
"""Whether it has begun with what was to be borrowed."""
TRIED: Final = 7
"""Address of what its first sessions are held against, 0 once it stands alone."""
GIVEN_MODEL: Final = 8
"""The model when it said last what is normal."""
NEW, ANCHOR = 9, 10
"""Addresses: what would be normal, and what was, 0 without."""
LEVELS: Final = 11
"""Address of the levels that its seasons are about, 0 without."""
KEY: Final = 1
"""Word: both labels."""
NORMS: Final = 6
"""Word: for each facet its norm; then what it said last, for each facet four floats in two
words; a variance of zero says nothing."""
GIVEN_WIDTH: Final = 2
GIVEN_FLOATS: Final = 4

MOST_FACETS: Final = 3

# Levels of a stratum.
LEVELS_WIDTH: Final = 2 * MOST_FACETS
"""For each facet the level, and the sessions that speak for it, an integer."""

# What the first sessions of a stratum are held against.
P_BEGUN: Final = 0
"""The series' sample before its first."""
P_TOTALS, P_COUNTS = 1, 4
"""For each facet the sum of its deviations from its peers, and how many."""
P_NORMS: Final = 7
"""For each facet the norm that was lent, which learns nothing."""

# The ring of suspects: halves, then the suspects.
R_COUNT, R_FIRST = 0, 1
R_ROOM: Final = 2
R_WIDTH: Final = 3
"""Words of a suspect, which has as many deviations as the rule has facets."""
RING: Final = 2
"""Word: the suspects begin here."""

# A suspect.
S_AT_US, S_REF, S_VALUE, S_LEVEL = 0, 1, 2, 3
S_SAMPLE: Final = 4
"""Its weight, and the number of the sample."""
S_DEVIATIONS: Final = 5
"""Facet by facet, two to a word."""
MOST_SUSPECT: Final = 7
"""Words that a suspect has at most."""

# The queue of what waits: halves, then for each sample the key of its stratum, and facet by
# facet value, weight and deviation.
Q_COUNT, Q_FIRST = 0, 1
QUEUE: Final = 1
"""Word: the samples begin here."""
W_KEY, W_FACETS = 0, 1
W_FACET: Final = 3
"""Words of a facet."""

MOST_STRATA: Final = 32
LONG_UNSEEN: Final = 1_000
"""Samples after which a stratum makes room; until then the others share one."""
MOST_SUSPECTS: Final = 64
WAITING_ROOM: Final = 20
"""The lag, and what a sample that is not learned at once adds to it."""

# The table of rules: integers.
KIND: Final = 0
PYTHON, EACH, EACH_RATE, ABSENCE, DRIFT, SILENCE, COUNTED, TIMED = range(8)
"""PYTHON: it is not compiled, and asked about each session."""
COLUMN_AT, OVER = 1, 2
FACET: Final = 3
"""Its first row in the table of facets."""
FACETS: Final = 4
NORMS_WIDTH: Final = 5
LAG: Final = 6
BY_AGENT, BY_TASK = 7, 8
"""Whether the series itself carries the label: it mixes what it does not carry."""
TRACKED: Final = 9
"""Two columns: whether ``agent_version``, and ``model``, may be replaced within it."""
FACTORS: Final = 11
"""Where in the watch the factors of cost are; 0 without."""
WATCH_WIDTH: Final = 12
JUDGED: Final = 13
JUDGED_RATE, JUDGED_MEAN, JUDGED_SUM, JUDGED_COUNT, JUDGED_RANK = 0, 1, 2, 3, 4
SIZE, NEED, PERCENT = 14, 15, 16
"""Of a window: samples, the fewest that are judged, the percentile of signed ones."""
BASED: Final = 17
"""Whether there is a baseline; what follows is about it."""
OVER_SAMPLES, OVER_US, BASE_NEED = 18, 19, 20
SPREADS: Final = 21
"""Its scale; see ``kernels.rulers``."""
BINNED, BINNED_WHOLE, BASE_PERCENT, SMALLEST = 22, 23, 24, 25
"""Whether it needs a histogram, and one of whole numbers; the percentile of unsigned
samples; whether the smallest is asked for."""
SPAN_US: Final = 26
"""Length of a window of time."""
STEP_WIDTH: Final = 27
"""Words of a step."""
WINDOWS, ERA_STEPS = 28, 29
"""How many windows back its baseline reaches, and how many steps are kept as one."""
CHUNKS_HELD, CHUNK_SIZE, CHUNKS_KEPT = 30, 31, 32
"""Of the factors of cost over a window; see ``kernels.window_factors``."""
NAMED: Final = 33
"""Whether its series have labels that the state has no codes of; what they lend hangs on
all but the first one."""
FIRST_ALONE, OTHERS_TOO = 1, 2
TAKEN: Final = 34
"""Samples that drift rules have taken, and nobody has counted in."""
AT_LEAST_US, AT_MOST_US = 35, 36
"""Of silence that learns what is usual."""
ENTER_WORD: Final = 37
"""The mildest fixed limit as it stands in a word."""
LASTING: Final = 38
"""Whether a rule beside it keeps their series: then its first session moves a timer."""
CREEPS: Final = 39
"""Where in a drift rule's state is what tells of creeps; 0 without."""
SMALL: Final = 40
"""Of so many tilts a bet is not priced above that of normal deviations."""
FIRST_OF: Final = 41
"""Which of its labels a series carries first, where that is one of these: by it nothing
is borrowed."""
FIRST_AGENT, FIRST_TASK = 1, 2
RULE_INTS: Final = 42

# And floats.
SIGN, ENOUGH, CAUTION, DOUBT = 0, 1, 2, 3
ENTER, RATIO, DROP = 4, 5, 6
"""The mildest fixed limit, signed; NaN where a baseline has no such."""
LEAVE: Final = 7
"""Of a threshold on each session the value up to which no level of it says anything."""
RULE_FLOATS: Final = 8

# The table of facets: integers.
READER: Final = 0
PLAIN, POSITIVE, RATE, PER_TOKEN, PER_CALL = 0, 1, 2, 3, 4
READS, PER = 1, 2
SCALE: Final = 3
TAIL: Final = 4
NORM_AT: Final = 5
"""Of its norm within a stratum."""
BETS_AT: Final = 6
"""Of its bets within the watch."""
CREEP_AT: Final = 7
"""Of what tells of its creeps within the watch, where the rule tells of any."""
CREEPS_TOO: Final = 8
"""Whether it is told of creeps at all."""
FACET_INTS: Final = 9

# And floats.
FACET_SIGN, MARGIN = 0, 1
FACET_FLOATS: Final = 2

# What a sample is, between the steps of its evaluation: floats.
VALUES, WEIGHTS, DEVIATIONS = 0, 3, 6
RAW: Final = 9
"""For each facet its value as it was; beyond the first only where there are profiles."""
OFFSETS: Final = 12
"""For each facet what its hour adds, in its scale; beyond the first the same."""
SUMS: Final = 15
"""Sums under way; see ``kernels.sums``."""
OFFS: Final = SUMS + 4 * 44
"""How far the sample lies from its peers, facet by facet."""
RATES: Final = OFFS + 3
"""What is usual, while silence is judged; see ``kernels.week``."""
FACTORS_OF_PARTS: Final = RATES + HOURS_OF_DAY
WEIGHTS_OF_PARTS: Final = FACTORS_OF_PARTS + PARTS_OF_WEEK
SHOWN: Final = WEIGHTS_OF_PARTS + PARTS_OF_WEEK
AS_SEEN: Final = SHOWN + HOURS_OF_DAY
WAITED: Final = AS_SEEN + HOURS_OF_DAY
"""Values, weights and deviations of a sample that has waited."""
SCRATCH_FLOATS: Final = WAITED + 3 * MOST_FACETS

# And integers.
STRATUM, OF_AGENT, OF_TASK = 0, 1, 2
FIRING: Final = 3
"""The facet that shows a change; ``MOST_FACETS`` more if it is a creep."""
OF_SERIES: Final = 4
"""The number of the sample's series."""
PEERS: Final = 5
"""Whether anything is known of parents: else nothing is borrowed."""
GIVEN_COUNT: Final = 6
"""Rows of what series gave that wait to be added up."""
SAID_COUNT: Final = 7
"""Rows of what is to be said."""
ENDED_US: Final = 8
"""When the session ended."""
SCRATCH_INTS: Final = 9

# A rule can judge a series from now on, and all is well.
A_RULE, A_WATCH, A_SERIES, A_REF, A_NOW_US = 0, 1, 2, 3, 4
"""The number of the series; by which the session is found; the series' time."""
SAID_INTS: Final = 5
SAID_ROOM: Final = 1 << 10
"""Rows that wait at most."""

# What a stratum gave, or took back: integers.
G_RULE, G_AGENT, G_TASK, G_MODEL, G_SERIES, G_SIGN = 0, 1, 2, 3, 4, 5
GIVEN_INTS: Final = 6
GIVEN_MOST: Final = MOST_STRATA + 1
"""Rows that one rule on a series gives at most."""
GIVEN_ROOM: Final = 1 << 13
"""Rows that wait at most."""

# Labels of a session, as ``ATTRIBUTES`` has them.
VERSION_AT, MODEL_AT, TASK_AT, AGENT_AT = 0, 1, 3, 5
LABELS: Final = 6

COST: Final = COLUMN["cost_usd"]
CALLS: Final = COLUMN["llm_calls"]
INPUT: Final = COLUMN["input_tokens"]
OUTPUT: Final = COLUMN["output_tokens"]
NUMBERS: Final = len(COLUMN)
