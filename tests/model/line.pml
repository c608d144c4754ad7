/* SPDX-License-Identifier: MIT */
/*
 * The protocol of src/channel/line.c and channel.c, for a model checker: two sides send MESSAGES messages each, of one
 * or two pieces through a ring that holds one, in every order of sending and receiving. It is wrong if a side sleeps for
 * ever (a lost wake-up), if a descriptor is readable and the receive then blocks (a token too many), if a token comes for
 * which no bell was rung, or if anything is left over at the end.
 *
 * POLLED 1: a side receives only when its descriptor is readable. POLLED 0: it receives without looking.
 */
#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef POLLED
#define POLLED 1
#endif

/* What each side writes: the halves. A bell in a half is rung by its side and armed by the other. */
byte announced[2], length[2], written[2], acknowledged[2], consumed[2], put_by[2];
byte message_bell[2], receipt_bell[2];

/* The sockets: tokens that each side has not read. */
byte socket[2];

/* What a bell is armed with. With BROKEN it is not the message's number, and the checker must find what is wrong then. */
#ifdef BROKEN
#define FOR(number) 1
#else
#define FOR(number) (number)
#endif

#define peer (1 - me)
#define INCOMING ((begun && written[peer] != have) || (!begun && announced[peer] != received))
#define ROOM (consumed[peer] != taken)
#define WORK(sending) (INCOMING || (sending && (acknowledged[peer] == sent || (written[me] < length[me] && ROOM))))

/* Rings a bell of my half for a message's number, if it is armed for that. */
inline ring(bell, number) {
	if
	:: bell == FOR(number) ->
		atomic {
			if
			:: bell == FOR(number) -> bell = 0; rung = 1
			:: else -> rung = 0
			fi
		}
		if
		:: rung -> socket[peer]++
		:: else
		fi
	:: else
	fi
}

inline arm() {
	if
	:: !armed -> armed = 1; message_bell[peer] = FOR(received + 1)
	:: else
	fi
}

inline disarm() {
	if
	:: armed ->
		armed = 0;
		atomic { old = message_bell[peer]; message_bell[peer] = 0 }
		if
		:: old != FOR(received + 1) -> tokens++
		:: else
		fi
	:: else
	fi
}

/* While something is put by, one token stays unread. */
inline drop_tokens() {
	do
	:: tokens > (inbox -> 1 : 0) -> atomic { socket[me] > 0 -> socket[me]-- } tokens--
	:: else -> break
	od
}

/* whole: the incoming message has come whole. */
inline take() {
	whole = 0;
	if
	:: !begun && announced[peer] != received ->
		assert(announced[peer] == received + 1);
		begun = 1; have = 0
	:: else
	fi
	if
	:: begun ->
		if
		:: written[peer] != have ->
			have = written[peer];
			if
			:: have == length[peer] -> whole = 1
			:: else -> consumed[me] = have; ring(receipt_bell[me], received + 1)
			fi
		:: else
		fi
	:: else
	fi
}

inline acknowledge(ready, ask) {
	begun = 0; have = 0;
	received++;
	armed = 0;
	if
	:: ready -> arm()
	:: else
	fi
	put_by[me] = ask;
	consumed[me] = 0;
	acknowledged[me] = received;
	ring(receipt_bell[me], received)
}

inline put_message_by() {
	disarm();
	take();
	if
	:: whole ->
		inbox++;
		asked = !tokens;
		tokens = tokens + asked;
		acknowledge(0, asked)
	:: else
	fi
	drop_tokens()
}

inline settle() {
	drop_tokens();
	do
	:: POLLED && !inbox ->
		arm();
		if
		:: INCOMING -> put_message_by()
		:: else -> break
		fi
	:: else -> break
	od
}

inline wait(sending) {
	if
	:: WORK(sending)
	:: else ->
		if
		:: tokens ->
			/* Beside unread tokens it sleeps on the bell itself, and looks again after a while. */
			WORK(sending)
		:: else ->
			arm();
			if
			:: sending -> receipt_bell[peer] = FOR(sent)
			:: else
			fi
			read = 0;
			if
			:: WORK(sending)
			:: else -> atomic { socket[me] > 0 -> socket[me]-- } read = 1
			fi
			rings = 0;
			if
			:: sending ->
				atomic { old = receipt_bell[peer]; receipt_bell[peer] = 0 }
				if
				:: old != FOR(sent) -> rings++
				:: else
				fi
			:: else
			fi
			if
			:: message_bell[peer] != FOR(received + 1) -> armed = 0; rings++
			:: else
			fi
			assert(read <= rings);
			tokens = tokens + rings - read
		fi
	fi
}

inline send() {
	sent++;
	taken = 0;
	if
	:: length[me] = 1
	:: length[me] = 2
	fi
	written[me] = 1;
	announced[me] = sent;
	ring(message_bell[me], sent);
	do
	:: acknowledged[peer] == sent -> break
	:: else ->
		pushed = 0;
		if
		:: written[me] < length[me] && ROOM ->
			taken = consumed[peer];
			written[me] = written[me] + 1;
			ring(message_bell[me], sent);
			pushed = 1
		:: else
		fi
		if
		:: INCOMING -> put_message_by()
		:: else ->
			if
			:: pushed
			:: else -> drop_tokens(); wait(1)
			fi
		fi
	od
	assert(written[me] == length[me]);
	if
	:: put_by[peer] -> socket[peer]++
	:: else
	fi
	settle()
}

inline receive() {
	if
	:: inbox -> inbox--; settle()
	:: else ->
		disarm();
		drop_tokens();
		do
		:: take();
			if
			:: whole ->
				disarm();
				drop_tokens();
				acknowledge(POLLED, 0);
				break
			:: else -> wait(0)
			fi
		od
	fi
	receives--
}

/* What a program may do: receive when the descriptor says so, or else when it knows that a message comes. */
#define MAY_RECEIVE (receives && ((POLLED && socket[me] > 0) || (!POLLED && (!sends || inbox || announced[peer] > received))))

proctype side(bit me) {
	byte sends = MESSAGES, receives = MESSAGES;
	byte sent, received, taken, have, inbox, tokens, old, rings, read;
	bool armed, begun, whole, rung, pushed, asked;
	if
	:: POLLED -> arm()
	:: else
	fi
	do
	:: sends -> sends--; send()
	:: MAY_RECEIVE -> receive()
	:: !sends && !receives -> break
	od
	assert(!inbox && !tokens && !begun);
	if
	:: POLLED -> assert(!socket[me])
	:: else
	fi
}

init {
	atomic { run side(0); run side(1) }
}
