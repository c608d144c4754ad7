#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
# mce_peer.pl ITEMS: one sample of Perl's MCE::Map with two workers, which are there beforehand, and chunks of its own
# choice. Prints nanoseconds for each item, their values summed.
use strict;
use warnings;
use Time::HiRes qw(time);

eval { require MCE::Map; MCE::Map->import; 1 } or die "MCE is not installed (libmce-perl)\n";

my $count = shift // die "usage: mce_peer.pl ITEMS\n";
my @items = map { $_ * 7 } 0 .. $count - 1;
my $expected = 0;
$expected += $_ * 3 + 1 for @items;

MCE::Map->init(max_workers => 2, chunk_size => 'auto');
my $work = sub { $_ * 3 + 1 };

sub run {
	my $begin = time;
	my @values = MCE::Map->run($work, \@items);
	my $sum = 0;
	$sum += $_ for @values;
	my $took = time - $begin;
	die "sum\n" unless $sum == $expected;
	return $took;
}

run();
my $sample = ($ENV{BENCH_MILLISECONDS} // 60) / 1e3;
my ($spent, $done) = (0, 0);
while ($spent < $sample) {
	$spent += run();
	$done += $count;
}
MCE::Map->finish;
printf "{\"ns\": %.2f}\n", $spent / $done * 1e9;
