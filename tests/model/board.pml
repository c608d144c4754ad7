/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/pool/board.c, and of what the host does by it in mate.c, round.c, handout.c and crew.c, for a model
 * checker: LINES workers take, steal and are given ITEMS items, and CRASHES of them die at any step, while the host strips,
 * judges and replaces the dead, looks for what was lost, and gives it again. It is wrong if an item is claimed a second
 * time, but after a failure; if an item is blamed that its dead worker had not claimed, or had done; or if nothing can go
 * on while an item has no outcome, for which wakes by the host must do that look at nobody but whom it gives to.
 *
 * Memory is taken to be sequentially consistent. What may be read or written by one instruction is one step.
 *
 * SEEKS     so often the host looks for lost items at a moment when it need not
 * CANCELS   so often the host cancels
 * FAILURES  so often an item fails, and is tried again
 *
 * Mutations, in which the checker must find what is wrong:
 *
 * LATE_RUNNING  running is stored after the item has been taken
 * NO_FREEZE     the host looks for lost items while workers move some
 * STRIP_ALL     what is taken from a line moves its begin
 * BLIND         what running says is blamed without a look at begin
 * DEAF          a worker that has found nothing sleeps without another look
 * UNSETTLED     what has failed, and waits to be tried again, is taken for what its worker still runs
 */
#ifndef LINES
#define LINES 2
#endif
#ifndef ITEMS
#define ITEMS 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef SEEKS
#define SEEKS 0
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef FAILURES
#define FAILURES 0
#endif

#define PENDING 0
#define DONE 1
#define BLAMED 2
#define CANCELED 3
#define FAILED 4

#define DEAD 0
#define ALIVE 1
#define KILLED 2

/* The board. Items are numbered from 0; running is the item and 1 more, or 0. */
byte first[LINES], last[LINES], gift_first[LINES], gift_last[LINES], running[LINES];
bool moving[LINES], parked[LINES], frozen;
byte outcome[ITEMS], failed_by[ITEMS];

/* What the host knows: whose death it has not been told of, what waits to be given, and whether what running says is over. */
bool known[LINES], waiting[ITEMS], settled[LINES];

/* What is so, and nobody can see: who lives; what each has claimed and not done, plus 1; and whether anyone has claimed it. */
bool claimed[ITEMS], over;
byte alive[LINES], claim[LINES], failures;

#define LEFT(line) (first[line] != last[line])
#define OFFER(line) (LEFT(line) || gift_first[line] != gift_last[line])

/* --- the worker --- */

/* In this, running also has a count of attempts, so that no other attempt is what the host knows to be over. */
#define SAY_RUNNING atomic { running[me] = begin + 1; settled[me] = 0 }

inline finish() {
	if
	:: outcome[begin] = DONE
	:: failures < FAILURES -> failures++; outcome[begin] = FAILED; failed_by[begin] = me; claimed[begin] = 0
	fi;
	claim[me] = 0
}

inline take_gift(line) {
	begin = gift_first[line]; end = gift_last[line];
	gift_first[line] = 0; gift_last[line] = 0;
	found = begin != end
}

/* Each step reads or writes what is shared once, and then goes on; it may be its last. */
proctype worker(byte me) {
	byte begin, end, from;
	bool found;
again:
	{
		goto take;
take:
		atomic {
			begin = first[me]; end = last[me];
			if
			:: begin == end -> begin = 0; end = 0; goto refill
			:: else
			fi
		};
#ifndef LATE_RUNNING
		SAY_RUNNING;
#endif
		atomic {
			if
			:: first[me] == begin && last[me] == end ->
				first[me] = begin + 1;
				assert(!claimed[begin] && outcome[begin] == PENDING);
				claimed[begin] = 1;
				claim[me] = begin + 1
			:: else -> goto take
			fi
		};
#ifdef LATE_RUNNING
		SAY_RUNNING;
#endif
		atomic { finish(); goto take };
refill:
		running[me] = 0;
		moving[me] = 1;
		atomic {
			if
			:: frozen -> goto still
			:: else
			fi
		};
		atomic {
			take_gift(me);
			if
			:: found -> goto fill
			:: else -> from = (me + 1) % LINES
			fi
		};
steal:
		atomic {
			begin = first[from]; end = last[from];
			if
			:: begin == end -> goto theirs
			:: else
			fi
		};
		atomic {
			if
			:: first[from] == begin && last[from] == end ->
				begin = begin + (end - begin) / 2;
				last[from] = begin;
				found = 1;
				goto fill
			:: else -> goto steal
			fi
		};
theirs:
		atomic {
			take_gift(from);
			if
			:: found -> goto fill
			:: else -> from = (from + 1) % LINES
			fi;
			if
			:: from == me -> goto still
			:: else -> goto steal
			fi
		};
fill:
		atomic { first[me] = begin; last[me] = end };
still:
		atomic {
			moving[me] = 0;
			begin = 0; end = 0; from = 0;
			if
			:: found -> found = 0; goto take
			:: else
			fi
		};
		parked[me] = 1;
#ifndef DEAF
		atomic {
			if
			:: frozen -> goto sleep
			:: else
			fi
		};
look:
		atomic {
			if
			:: first[from] != last[from] -> goto wake_up
			:: else
			fi
		};
		atomic {
			if
			:: gift_first[from] != gift_last[from] -> goto wake_up
			:: else -> from++
			fi;
			if
			:: from < LINES -> goto look
			:: else
			fi
		};
#endif
sleep:
		parked[me] == 0 || over;
wake_up:
		atomic {
			parked[me] = 0;
			from = 0;
			if
			:: over -> goto end_of_all
			:: else -> goto take
			fi
		}
	} unless {
		atomic {
			alive[me] == KILLED;
			begin = 0; end = 0; from = 0; found = 0;
			alive[me] = DEAD
		}
	};
	do
	:: over -> break
	:: alive[me] == ALIVE && !over -> goto again
	:: alive[me] == KILLED -> alive[me] = DEAD
	od;
end_of_all:
	skip
}

proctype death() {
	byte crashes, line;
	do
	:: crashes < CRASHES && !over ->
		atomic {
			select(line : 0 .. LINES - 1);
			if
			:: alive[line] == ALIVE -> alive[line] = KILLED; crashes++
			:: else
			fi;
			line = 0
		}
	:: break
	od
}

/* --- the host --- */

inline put_back(begin, end) {
	k = begin;
	do
	:: k < end -> waiting[k] = 1; k++
	:: else -> k = 0; break
	od
}

/* Takes back what a line holds. Where begin moved as well, its owner's attempt to take would look like a claim. */
inline strip(line) {
	d_step {
		put_back(first[line], last[line]);
#ifdef STRIP_ALL
		first[line] = last[line]
#else
		last[line] = first[line]
#endif
	};
	d_step {
		put_back(gift_first[line], gift_last[line]);
		gift_first[line] = 0; gift_last[line] = 0
	}
}

/* Whether the line's owner has an item that it has not done. */
#ifdef BLIND
#define TOOK(line) (running[line])
#else
#define TOOK(line) (running[line] && first[line] != running[line] - 1)
#endif
#ifdef UNSETTLED
#define SETTLED(line) 0
#else
#define SETTLED(line) settled[line]
#endif
#define GUILTY(line) (TOOK(line) && outcome[running[line] - 1] == PENDING && !SETTLED(line))

/* The host is told of a death, and judges it. Of what a dead owner wrote nothing changes any more but the end of its range. */
inline bury() {
	d_step {
		known[i] = 0;
		if
		:: GUILTY(i) ->
			assert(claim[i] == running[i]);
			outcome[running[i] - 1] = BLAMED
		:: else
		fi;
		claim[i] = 0
	};
	strip(i);
	lost = lost || moving[i]
}

inline replace() {
	d_step { running[i] = 0; moving[i] = 0; parked[i] = 0; settled[i] = 0; known[i] = 1; alive[i] = 1 }
}

/* Gives the first of what waits, in parts, to the line: also where what it has been given and not taken ends there. */
inline give() {
	d_step {
		k = 0;
		do
		:: k < ITEMS && !waiting[k] -> k++
		:: else -> break
		od;
		j = k;
		do
		:: j < ITEMS && waiting[j] -> j++
		:: else -> break
		od;
		j = k + (j - k + LINES - 1) / LINES;
		if
		:: gift_first[i] == gift_last[i] -> gift_first[i] = k; gift_last[i] = j
		:: gift_first[i] != gift_last[i] && gift_last[i] == k -> gift_last[i] = j
		:: else -> j = k
		fi;
		do
		:: k < j -> waiting[k] = 0; k++
		:: else -> break
		od;
		k = 0; j = 0
	};
	wake(i)
}

inline wake(line) {
	parked[line] = 0
}

inline freeze() {
#ifndef NO_FREEZE
	frozen = 1;
#endif
	still = 1;
	i = 0;
	do
	:: i < LINES ->
#ifndef NO_FREEZE
		still = still && !(known[i] && moving[i]);
#endif
		i++
	:: else -> i = 0; break
	od
}

inline thaw() {
	frozen = 0;
	i = 0;
	do
	:: i < LINES -> wake(i); i++
	:: else -> i = 0; break
	od
}

/* In the order of an item's way: first where it waits, then who runs it, and at last whether it is done. */
inline look_for_lost() {
	i = 0;
	do
	:: i < LINES -> d_step { mark(gift_first[i], gift_last[i]); i++ }
	:: else -> i = 0; break
	od;
	do
	:: i < LINES -> d_step { mark(first[i], last[i]); i++ }
	:: else -> i = 0; break
	od;
	do
	:: i < LINES ->
		d_step {
			if
			:: known[i] && running[i] -> marked[running[i] - 1] = 1
			:: else
			fi;
			i++
		}
	:: else -> i = 0; break
	od;
	do
	:: i < ITEMS ->
		d_step {
			if
			:: !marked[i] && outcome[i] == PENDING -> waiting[i] = 1
			:: else
			fi;
			marked[i] = 0;
			i++
		}
	:: else -> i = 0; break
	od
}

inline mark(begin, end) {
	k = begin;
	do
	:: k < end -> marked[k] = 1; k++
	:: else -> k = 0; break
	od
}

inline seek() {
	freeze();
	if
	:: still -> lost = 0; look_for_lost(); thaw()
	:: else
	fi
}

inline strip_all() {
	i = 0;
	do
	:: i < LINES -> strip(i); i++
	:: else -> i = 0; break
	od
}

/* All that nobody has begun becomes canceled; who has begun something is killed, but may be done before. */
inline cancel() {
	canceling = 1;
	strip_all();
	freeze();
	if
	:: still ->
		strip_all();
		skip;
		d_step {
			k = 0;
			do
			:: k < ITEMS -> waiting[k] = 0; k++
			:: else -> k = 0; break
			od
		};
		canceling = 0;
		lost = 0;
		do
		:: i < LINES ->
			d_step {
				if
				:: known[i] && GUILTY(i) -> condemned[i] = running[i]
				:: else
				fi;
				i++
			}
		:: else -> i = 0; break
		od;
		do
		:: i < ITEMS ->
			/* One step: what is stored is stored only where the item is pending. */
			d_step {
				k = 0;
				do
				:: k < LINES && !(condemned[k] == i + 1 && GUILTY(k) && running[k] == i + 1) -> k++
				:: else -> break
				od;
				if
				:: k == LINES && outcome[i] == PENDING -> outcome[i] = CANCELED
				:: else
				fi;
				k = 0;
				i++
			}
		:: else -> i = 0; break
		od;
		do
		:: i < LINES ->
			d_step {
				if
				:: condemned[i] -> condemned[i] = 0; alive[i] = KILLED
				:: else
				fi;
				i++
			}
		:: else -> i = 0; break
		od;
		thaw()
	:: else
	fi
}

/* An item that has failed is tried again. The attempt at which its worker still is, if it is, is over. */
inline retry() {
	d_step {
		j = failed_by[i];
		if
		:: running[j] == i + 1 -> settled[j] = 1
		:: else
		fi;
		j = 0;
		outcome[i] = PENDING;
		waiting[i] = 1
	}
}

#if LINES == 2
#define ANY(what) (what(0) || what(1))
#define EACH(what) (what(0) && what(1))
#else
#define ANY(what) (what(0) || what(1) || what(2))
#define EACH(what) (what(0) && what(1) && what(2))
#endif
#if ITEMS == 2
#define SOME(what) (what(0) || what(1))
#elif ITEMS == 3
#define SOME(what) (what(0) || what(1) || what(2))
#else
#define SOME(what) (what(0) || what(1) || what(2) || what(3))
#endif

#define HAS_DIED(line) (known[line] && alive[line] == DEAD)
#define IS_ABSENT(line) (!known[line])
#define IS_ASLEEP(line) (!known[line] || parked[line])
#define TAKES(line) (known[line])
#define MOVES(line) (known[line] && moving[line])
#define HAS_FAILED(item) (outcome[item] == FAILED)
#define IS_WAITING(item) waiting[item]
#define IS_PENDING(item) (outcome[item] == PENDING)
#define IS_OPEN(item) (outcome[item] == PENDING || outcome[item] == FAILED)

proctype host() {
	byte i, j, k, seeks, cancels;
	bool still, lost, canceling, marked[ITEMS];
	byte condemned[LINES];
	do
	:: !SOME(IS_OPEN) -> break
	:: ANY(HAS_DIED) ->
		i = 0;
		do
		:: HAS_DIED(i) -> break
		:: i + 1 < LINES -> i++
		:: else -> break
		od;
		if
		:: HAS_DIED(i) -> bury()
		:: else
		fi;
		i = 0
	:: ANY(IS_ABSENT) ->
		i = 0;
		do
		:: IS_ABSENT(i) -> break
		:: else -> i++
		od;
		skip;
		replace();
		i = 0
	:: SOME(IS_WAITING) && ANY(TAKES) && !frozen ->
		select(i : 0 .. LINES - 1);
		if
		:: TAKES(i) -> give()
		:: else
		fi;
		i = 0
	:: SOME(HAS_FAILED) ->
		i = 0;
		do
		:: HAS_FAILED(i) -> break
		:: else -> i++
		od;
		skip;
		retry();
		i = 0
	:: canceling && !ANY(MOVES) -> cancel()
	:: !canceling && lost && !ANY(MOVES) -> seek()
	/* Were all asleep and nothing on offer or lost, to look for it would change nothing. */
	:: !canceling && !SOME(IS_WAITING) && EACH(IS_ASLEEP) && !ANY(OFFER) && SOME(IS_PENDING) -> seek()
	:: !canceling && seeks < SEEKS -> seeks++; seek()
	:: !canceling && !lost && frozen -> thaw()
	:: cancels < CANCELS -> cancels++; cancel()
	od;
	over = 1
}

init {
	byte i;
	d_step {
		do
		:: i < ITEMS -> waiting[i] = 1; i++
		:: else -> i = 0; break
		od;
		do
		:: i < LINES -> known[i] = 1; alive[i] = 1; i++
		:: else -> i = 0; break
		od
	};
	atomic {
		run host();
		run death();
		do
		:: i < LINES -> run worker(i); i++
		:: else -> i = 0; break
		od
	}
}
