/* SPDX-License-Identifier: MIT */
#include "process/parking.h"

#include "base/lineage.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(PARKING_LOT * sizeof(int))];
};

int parking_open(int pair[2])
{
	return lineage_socketpair(SOCK_SEQPACKET, pair);
}

int parking_put(const int pair[2], const int *fds, size_t count)
{
	union control control = {0};
	char byte = 0;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	if (sendmsg(pair[0], &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	for (size_t i = 0; i < count; i++)
		lineage_close(fds[i]);
	return 0;
}

int parking_take(const int pair[2], int fds[PARKING_LOT])
{
	union control control = {0};
	char byte;
	struct iovec bytes = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	if (recvmsg(pair[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	if (message.msg_controllen < CMSG_LEN(0) || control.head.cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	const int count = (int)((control.head.cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(&control.head), (size_t)count * sizeof(int));
	for (int i = 0; i < count; i++)
		fds[i] = lineage_adopt(fds[i]);
	return count;
}
