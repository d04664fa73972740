// SPDX-License-Identifier: Apache-2.0
// Makes the emulated card treat unicast frames that no filter asks for as a real 82576 does: hand
// them to the PF, when the PF is promiscuous.
//
// The igb driver then fills the unicast hash table (UTA) with ones, and the card should give the
// frames that match to the pools that accept by this table, which is the PF's. QEMU 10's model asks
// for the flag of the multicast table instead, and that one belongs to the VFs of running guests. So
// on a host with two guests, a standby NIC gets nothing as soon as its own VF is gone: the other
// guest's VF swallows it. With an empty table the model falls back to the default pool, the PF.
//
// The driver fills the table again whenever the PF's filters change, and the table cannot be read: so
// it is emptied again and again.
//
// igb-default-pool RESOURCE0...   (needs the kernel argument iomem=relaxed)
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TABLE_OFFSET = 0xA000, TABLE_WORDS = 128, MAP_BYTES = 0x10000, MAX_CARDS = 8 };
enum { PAUSE_MICROSECONDS = 50000 };

int main(int count, char **arguments) {
  volatile uint32_t *tables[MAX_CARDS];
  int cards = 0;
  for (int i = 1; i < count && cards < MAX_CARDS; i++) {
    int file = open(arguments[i], O_RDWR | O_SYNC);
    void *registers =
        file < 0 ? MAP_FAILED
                 : mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (registers == MAP_FAILED) {
      perror(arguments[i]);
      return 1;
    }
    tables[cards++] = (volatile uint32_t *)((char *)registers + TABLE_OFFSET);
  }
  for (;;) {
    for (int card = 0; card < cards; card++)
      for (int word = 0; word < TABLE_WORDS; word++) tables[card][word] = 0;
    usleep(PAUSE_MICROSECONDS);
  }
}
