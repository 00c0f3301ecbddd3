/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The only header that a program includes. */

#define KAA_INSIDE

#include <kaaio/kaa-version.h>
#include <kaaio/kaa-enums.h>
#include <kaaio/kaa-types.h>
#include <kaaio/kaa-enum-types.h>
#include <kaaio/kaa-acknowledged-closure.h>
#include <kaaio/kaa-callback.h>
#include <kaaio/kaa-context-fd.h>
#include <kaaio/kaa-notifier-callback.h>
#include <kaaio/kaa-io-monitor.h>
#include <kaaio/kaa-in-progress.h>
#include <kaaio/kaa-io-channel.h>
#include <kaaio/kaa-line-iter.h>
#include <kaaio/kaa-process.h>
#include <kaaio/kaa-serial.h>
#include <kaaio/kaa-socket.h>

#undef KAA_INSIDE
