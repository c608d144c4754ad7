/* SPDX-License-Identifier: MIT */
#ifndef BROOD_CHANNEL_EXCHANGE_H
#define BROOD_CHANNEL_EXCHANGE_H

#include <brood.h>

/* The channel has been closed, or is about to be: it is active no longer, but still the exchange's. */
void exchange_lose(brood_channel *);

/* The channel is being freed. */
void exchange_forget(brood_channel *);

#endif
