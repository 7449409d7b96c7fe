# Keeps "how far each log file was read" behind "what Loki has taken".
#
# Alloy saves a position as soon as a line is read, and holds what Loki has not taken yet in memory: a collector that dies
# while Loki takes no pushes has read those lines for good. So beside Alloy's own positions file lies a checkpoint: the
# positions of a moment whose lines have all been answered for since. It is put in place of the positions file before Alloy
# starts. Lines after it are pushed a second time, and Loki takes a line of the same stream, time and text as the same line.
#
# The kubelet rotates a file that is still being read: Alloy then finishes the file it has open and goes on with the newest.
# What lies between is copied into a backlog folder, which the pipeline reads too.
#
#   checkpoint.pl restore ARGS   before Alloy starts: ARGS are Alloy's own
#   checkpoint.pl track ARGS     beside Alloy, whose child it is; ends with it
use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET);
use IO::Handle;
use IO::Socket::INET;

my ($mode, @alloy) = @ARGV;
my ($storage) = map { /^--storage\.path=(.+)$/ ? $1 : () } @alloy;
my ($port)    = map { /^--server\.http\.listen-addr=.*:(\d+)$/ ? $1 : () } @alloy;
my $logs      = $ENV{CHECKPOINT_LOGS} || '/var/log/pods';
my $source    = $ENV{CHECKPOINT_SOURCE} || 'loki.source.file.pods';
my $writer    = $ENV{CHECKPOINT_WRITER} || 'loki.write.gateway';
my $limit     = $ENV{CHECKPOINT_BACKLOG_BYTES} || 1024 ** 3;

my $positions = "$storage/$source/positions.yml";
my $home      = "$storage/checkpoint";
my $backlog   = "$storage/backlog";

# Alloy's own numbers: a queue holds ten batches, a worker may have taken ten more out, one is being filled, one is on its way.
my $BATCHES_IN_MEMORY = 24;
# A push times out after 10 s, and a retry waits 15 s at most: within this time an idle writer has sent what it had.
my $IDLE_SECONDS = 32;
my $BUSY_SECONDS = 2;
my $HEAD_BYTES   = 64;
# The kubelet rotates a file every 10 s at most and keeps four old ones: they are there for 40 s at least.
my $HOLD_AFTER_SECONDS = 20;

sub say_log {
  my ($level, $text) = @_;
  my @t = gmtime;
  printf STDERR "ts=%04d-%02d-%02dT%02d:%02d:%02dZ level=%s component=checkpoint msg=\"%s\"\n",
    $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0], $level, $text =~ s/["\\]/\\$&/gr;
}

sub read_file {
  my ($path) = @_;
  open(my $file, '<', $path) or return undef;
  local $/;
  return scalar <$file>;
}

# On disk before it has its name: a power cut leaves the former file or this one.
sub write_file {
  my ($path, $text) = @_;
  open(my $file, '>', "$path.tmp") or return say_log('error', "cannot write $path.tmp: $!");
  chmod 0600, "$path.tmp";
  my $ok = print {$file} $text;
  $ok &&= $file->flush && $file->sync;
  return say_log('error', "cannot write $path.tmp: $!") unless close($file) && $ok;
  return rename("$path.tmp", $path);
}

# The first line of a container's log begins with its time in nanoseconds: the name of a file that renaming and
# compressing leave alone, where inodes are used again.
sub head_of {
  my ($path) = @_;
  my $file;
  if ($path =~ /\.gz$/) { open($file, '-|', 'gzip', '-dc', $path) or return '' }
  else { open($file, '<', $path) or return '' }
  my $head = '';
  1 while length $head < $HEAD_BYTES && read($file, $head, $HEAD_BYTES - length $head, length $head);
  close $file;
  return '' if $head !~ /\n/ && length $head < $HEAD_BYTES;
  return unpack 'H*', $head =~ s/\n.*//sr;
}

# [path, offset of the number, length of the number] of each entry; the number is all that is ever changed.
sub entries_of {
  my ($text) = @_;
  my @found;
  while ($text =~ /^  \? path: (\S+)\n(.*?)^  : "(\d+)"$/msg) {
    push @found, { path => $1 =~ s/^(["'])(.*)\1$/$2/r, at => $-[3], length => length $3, position => $3 };
  }
  return @found;
}

# A container prints long lines in parts, P until the last one, F. The last place at or before POSITION where no stream is
# in the middle of a line: parts that were read but not pushed are read again from their beginning.
sub boundary {
  my ($file, $position) = @_;
  for my $bytes (4096, 65_536, 1_048_576) {
    my $from = $position > $bytes ? $position - $bytes : 0;
    my $found = boundary_in($file, $from, $position);
    return $found if defined $found;
    last if $from == 0;
  }
  return $position;
}

sub boundary_in {
  my ($file, $from, $position) = @_;
  seek($file, $from, SEEK_SET) or return undef;
  my $window = '';
  1 while length $window < $position - $from && read($file, $window, $position - $from - length $window, length $window);
  my $clean = $from == 0 ? 0 : undef;
  my ($at, $whole, %open) = ($from, $from == 0);
  while ($window =~ /([^\n]*\n)/g) {
    $at += length $1;
    # Where the window begins in the middle of a line, that line says nothing.
    next unless $whole++;
    delete $open{$1} if substr($window, $-[0], 48) =~ /^\S+ (stdout|stderr) F/;
    $open{$1} = 1 if substr($window, $-[0], 48) =~ /^\S+ (stdout|stderr) P/;
    $clean = $at unless %open;
  }
  return $clean;
}

# Rotated files of PATH, oldest first: [{ path, stamp }].
sub rotated_of {
  my ($path) = @_;
  my ($folder, $name) = $path =~ m{^(.*)/([^/]+)$} or return ();
  opendir(my $dir, $folder) or return ();
  my %by_stamp;
  for my $entry (readdir $dir) {
    next unless $entry =~ /^\Q$name\E\.(\d{8}-\d{6})(\.gz)?$/;
    # While it is being compressed both exist; the plain one is whole.
    $by_stamp{$1} = "$folder/$entry" unless $by_stamp{$1} && $2;
  }
  return map { { path => $by_stamp{$_}, stamp => $_ } } sort keys %by_stamp;
}

sub backlog_name {
  my ($path, $stamp) = @_;
  my ($below) = $path =~ m{^\Q$logs\E/(.+)\.log$} or return undef;
  return "$backlog/$below.$stamp.log";
}

sub backlog_files { return glob("$backlog/*/*/*.log $backlog/*/*/*.held") }

# Held copies of PATH.
sub held_of {
  my ($path) = @_;
  my $any = backlog_name($path, '*') or return ();
  return glob("$any.held");
}

sub room_for {
  my ($bytes) = @_;
  my $held = 0;
  $held += -s $_ || 0 for backlog_files();
  return 0 if $held + $bytes > $limit;
  my ($used) = (qx(df -Pk "$storage" 2>/dev/null) || '') =~ /\s(\d+)%/;
  return !defined $used || $used < 80;
}

# A rotated file to read from any place in: itself, or what was compressed in it. undef when it is gone.
sub unpacked {
  my ($path) = @_;
  my $file;
  if ($path =~ /\.gz$/) {
    my $plain = "$home/unpacked";
    system('/bin/sh', '-c', 'exec gzip -dc "$0" >"$1" 2>/dev/null', $path, $plain) == 0 or return undef;
    open($file, '<', $plain) or return undef;
    unlink $plain;
  }
  else { open($file, '<', $path) or return undef }
  return $file;
}

# Copies what was not read of a rotated file to where the pipeline finds it under the same pod and container; `.held` at its
# end hides it from the pipeline.
sub keep {
  my ($path, $rotated, $position, $held) = @_;
  my $to = backlog_name($path, $rotated->{stamp});
  return if !defined $to || -e $to;
  if (-e "$to.held") { return $held || rename("$to.held", $to) }
  $to .= '.held' if $held;
  my $in = unpacked($rotated->{path}) or return say_log('warn', "cannot read $rotated->{path}: $!");
  my $from = $position ? boundary($in, $position) : 0;
  my $bytes = (-s $in) - $from;
  return if $bytes <= 0;
  return say_log('warn', "no room to keep $rotated->{path}: its unread lines are lost when the kubelet deletes it") unless room_for($bytes);
  my $folder = $to =~ s{/[^/]+$}{}r;
  for my $made ($backlog, $folder =~ s{/[^/]+$}{}r, $folder) { mkdir $made, 0700 }
  my $done = copy_from($in, $from, "$to.tmp") && rename("$to.tmp", $to);
  return say_log('error', "cannot write $to: $!") unless $done;
  say_log('info', "keeping $rotated->{path}, which was rotated before " . ($held ? 'Loki took it' : 'it was read'));
}

sub copy_from {
  my ($in, $from, $to) = @_;
  open(my $out, '>', $to) or return 0;
  seek($in, $from, SEEK_SET);
  my $buffer;
  while (read $in, $buffer, 65_536) { print {$out} $buffer or return 0 }
  return $out->flush && $out->sync && close $out;
}

# --- restore

sub restore {
  mkdir $storage, 0755;
  mkdir $home, 0700;
  unlink glob("$backlog/*/*/*.tmp"), grep { -M $_ > 1 } backlog_files();
  lock_home(20);
  my $text = read_file("$home/positions.yml");
  my $heads = read_file("$home/heads");
  return say_log('info', 'no checkpoint yet: starting from the saved positions') unless defined $text && defined $heads && $heads =~ /\nend\n$/;
  my $saved = (stat $positions)[9] || 0;
  my $alive = (stat "$home/alive")[9] || 0;
  return say_log('warn', 'the checkpoint is older than the saved positions: starting from the saved positions') if $saved > $alive + 60;

  my %head = $heads =~ /^(\S+) (\S*)$/mg;
  my ($again, $files) = (0, 0);
  for my $entry (reverse entries_of($text)) {
    my $at = replayed($entry, $head{ $entry->{path} });
    $files += 1;
    $again += (-s $entry->{path} || 0) - $at if -e $entry->{path};
    substr $text, $entry->{at}, $entry->{length}, $at;
  }
  rename($_, s/\.held$//r) for grep { /\.held$/ } backlog_files();
  # Files that Alloy had not opened when the checkpoint was taken are read from their beginning, those rotated since too.
  my $taken = (stat "$home/positions.yml")[9];
  my %known = map { $_->{path} => 1 } entries_of($text);
  for my $path (map { s/\.\d{8}-\d{6}(\.gz)?$//r } glob("$logs/*/*/*.log.*")) {
    next if $known{$path}++;
    keep($path, $_, 0) for grep { (stat $_->{path})[9] > $taken - 120 } rotated_of($path);
  }
  mkdir "$storage/$source", 0750;
  write_file($positions, $text) and say_log('info', "starting from the checkpoint: $files files, $again bytes to read");
}

# Where to read PATH from: the checkpoint's position when it is still the same file, else its beginning, with what was
# rotated since in the backlog.
sub replayed {
  my ($entry, $head) = @_;
  my $path = $entry->{path};
  my $now = head_of($path);
  if (!defined $head || $head eq '' || $now eq $head) {
    open(my $file, '<', $path) or return $entry->{position};
    return (-s $file) < $entry->{position} ? 0 : boundary($file, $entry->{position});
  }
  my @rotated = rotated_of($path);
  my ($index) = grep { head_of($rotated[$_]{path}) eq $head } 0 .. $#rotated;
  my @held = held_of($path);
  say_log('warn', "$path was rotated away before it was read: its lines since the last acknowledged push are lost") unless defined $index || @held || !-e $path;
  keep($path, $rotated[$_], defined $index && $_ == $index ? $entry->{position} : 0) for (defined $index ? $index : 0) .. $#rotated;
  return 0;
}

# --- track

my $lock;

sub lock_home {
  my ($seconds) = @_;
  open($lock, '>', "$home/lock") or return;
  for (1 .. $seconds * 5) {
    return if flock $lock, LOCK_EX | LOCK_NB;
    select undef, undef, undef, 0.2;
  }
  say_log('warn', 'another collector still holds the checkpoint of this node');
}

# What Alloy says of its writer: finished batches, retries, seconds spent pushing. undef while it does not answer.
sub writer_state {
  my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 5) or return undef;
  print {$socket} "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
  my %sum = (requests => 0, retries => 0, seconds => 0);
  my $answered = 0;
  eval {
    local $SIG{ALRM} = sub { die "slow\n" };
    alarm 10;
    while (my $line = <$socket>) {
      $answered = 1 if $line =~ m{^HTTP/1\.\d 200};
      next unless $line =~ /^loki_write_(request_duration_seconds_(?:count|sum)|batch_retries_total)\{([^}]*)\} (\S+)/;
      my ($name, $labels, $value) = ($1, $2, $3);
      next unless $labels =~ /component_id="\Q$writer\E"/;
      $sum{ $name =~ /count/ ? 'requests' : $name =~ /sum/ ? 'seconds' : 'retries' } += $value;
    }
    alarm 0;
  };
  alarm 0;
  return undef if $@ || !$answered;
  return { finished => $sum{requests} - $sum{retries}, retries => $sum{retries}, seconds => $sum{seconds} };
}

# Which file Alloy has open under each path: { path => { head, stamp } }; stamp is set once the kubelet has renamed it.
my %last_open;

sub open_files {
  my ($pid) = @_;
  my %open;
  opendir(my $dir, "/proc/$pid/fd") or return {};
  for my $fd (readdir $dir) {
    my $link = readlink "/proc/$pid/fd/$fd" or next;
    next unless index($link, "$logs/") == 0 || index($link, "$backlog/") == 0;
    $link =~ s/ \(deleted\)$//;
    next unless $link =~ /^(.*\.log)(?:\.(\d{8}-\d{6}))?(?:\.gz)?$/;
    my ($path, $stamp) = ($1, $2);
    my @stat = stat "/proc/$pid/fd/$fd" or next;
    my ($inode, $size) = ("$stat[0]:$stat[1]", $stat[7]);
    my $last = $last_open{$path};
    # A smaller file with the same inode is another file.
    my $same = $last && $last->{head} ne '' && $last->{inode} eq $inode && $last->{size} <= $size;
    $open{$path} = { head => $same ? $last->{head} : head_of("/proc/$pid/fd/$fd"), inode => $inode, size => $size, stamp => $stamp };
  }
  %last_open = %open;
  return \%open;
}

# Keeps the files that were rotated between the one Alloy had open and the one it will open next.
my (%kept, %holding);

sub keep_between {
  my ($before, $now, $since) = @_;
  for my $path (grep { index($_, "$logs/") == 0 } keys %$now) {
    my ($was, $reading) = ($before->{$path}, $now->{$path});
    my $changed = $was && $was->{head} ne '' && $was->{head} ne $reading->{head};
    next unless defined $reading->{stamp} || $changed;
    my $old = $changed ? $was : $reading;
    for my $rotated (after($old, $since, rotated_of($path))) {
      next if defined $reading->{stamp} && $rotated->{stamp} ge $reading->{stamp} && $changed;
      next if $kept{"$path.$rotated->{stamp}"} || head_of($rotated->{path}) eq $reading->{head};
      $kept{"$path.$rotated->{stamp}"} = 1;
      keep($path, $rotated, 0);
    }
  }
}

# Holds copies of rotated files that Loki has not taken, before the kubelet deletes them: Alloy has them in memory or open, and
# no longer when it ends. In peace they are taken before they are old enough.
sub hold_unacknowledged {
  my ($now, $acknowledged, $began) = @_;
  for my $path (grep { index($_, "$logs/") == 0 } keys %$now) {
    my ($reading, $taken) = ($now->{$path}, $acknowledged->{$path});
    next unless defined $reading->{stamp} || !$taken || $taken->{head} ne $reading->{head};
    # Of a container that is new to the checkpoint, what was rotated before is not Alloy's to read.
    my @rotated = grep { $taken || ((stat $_->{path})[9] || 0) >= $began } rotated_of($path);
    my ($index) = grep { $taken && head_of($rotated[$_]{path}) eq $taken->{head} } 0 .. $#rotated;
    for my $i (($index || 0) .. $#rotated) {
      my $file = $rotated[$i];
      my $to = backlog_name($path, $file->{stamp});
      next if !defined $to || $kept{"$path.$file->{stamp}"} || $holding{"$to.held"} || time - (stat $file->{path})[10] < $HOLD_AFTER_SECONDS;
      my $position = defined $index && $i == $index ? $taken->{position} : 0;
      $holding{"$to.held"} = { path => $path, stamp => $file->{stamp}, head => head_of($file->{path}) };
      keep($path, $file, $position, 1);
    }
  }
}

# Those that were rotated after OLD, which Alloy had open until SINCE.
sub after {
  my ($old, $since, @rotated) = @_;
  return grep { $_->{stamp} gt $old->{stamp} } @rotated if defined $old->{stamp};
  my ($index) = grep { head_of($rotated[$_]{path}) eq $old->{head} } 0 .. $#rotated;
  return @rotated[ $index + 1 .. $#rotated ] if defined $index;
  return grep { ((stat $_->{path})[9] || 0) > $since } @rotated;
}

sub track {
  my $alloy = getppid();
  mkdir $home, 0700;
  lock_home(20);
  my (@pending, $written);
  my ($before, $acknowledged) = ({}, last_acknowledged());
  my ($next, $since, $began) = (0, time, time);
  while (getppid() == $alloy) {
    my $now = open_files($alloy);
    keep_between($before, $now, $since - 5);
    $since = time;
    my $mtime = (stat $positions)[9];
    my $fresh = defined $mtime && (!defined $written || $mtime != $written);
    if ($fresh || time >= $next) {
      my $state = writer_state();
      $next = time + 10;
      if (defined $state) {
        if ($fresh) {
          $written = $mtime;
          push @pending, snapshot($before, $now, $acknowledged, $state);
          splice @pending, 1, 1 if @pending > 8;
        }
        my ($taken) = reverse grep { taken($pending[$_], $state) } 0 .. $#pending;
        if (defined $taken) {
          $acknowledged = save($pending[$taken]);
          splice @pending, 0, $taken + 1;
        }
      }
      hold_unacknowledged($now, $acknowledged, $began);
      write_file("$home/alive", '');
    }
    $before = $now;
    sleep 2;
  }
}

# What the checkpoint says that Alloy was started from.
sub last_acknowledged {
  my %head = (read_file("$home/heads") || '') =~ /^(\S+) (\S*)$/mg;
  return { map { $_->{path} => { head => $head{ $_->{path} } || '', position => $_->{position} } } entries_of(read_file("$home/positions.yml") || '') };
}

sub snapshot {
  my ($before, $now, $acknowledged, $state) = @_;
  my $text = read_file($positions);
  my %heads;
  for my $entry (reverse entries_of($text || '')) {
    my $path = $entry->{path};
    my ($was, $is) = map { $_->{$path} } $before, $now;
    # Alloy went on to the next file while it saved its positions: whose offset this is can't be told. The earlier file,
    # from where it was last acknowledged, is the safe one.
    if ($was && $is && $was->{head} ne '' && $was->{head} ne $is->{head}) {
      my $sure = $acknowledged->{$path};
      my $at = $sure && $sure->{head} eq $was->{head} ? $sure->{position} : 0;
      substr $text, $entry->{at}, $entry->{length}, $at;
      $heads{$path} = { head => $was->{head}, position => $at };
    }
    else {
      my $head = $is ? $is->{head} : $was ? $was->{head} : head_of($path);
      $heads{$path} = { head => $head, position => $entry->{position} };
    }
  }
  return { at => time, text => $text, heads => \%heads, %$state };
}

# Has all that was read by then been answered for? Either as many batches as fit into memory were finished since, or the
# writer has been idle without a retry for longer than a push can take.
sub taken {
  my ($snapshot, $state) = @_;
  return 0 unless defined $snapshot->{text};
  return 1 if $state->{finished} - $snapshot->{finished} >= $BATCHES_IN_MEMORY;
  return time - $snapshot->{at} >= $IDLE_SECONDS
    && $state->{retries} == $snapshot->{retries}
    && $state->{seconds} - $snapshot->{seconds} < $BUSY_SECONDS;
}

# Once Loki has taken what came after it.
sub let_go {
  my ($heads, $file) = @_;
  my $held = $holding{$file} or return 0;
  my $entry = $heads->{ $held->{path} } or return 0;
  return 1 if head_of($held->{path}) eq $entry->{head};
  my @later = grep { $_->{path} eq $held->{path} && $_->{head} eq $entry->{head} } values %holding;
  @later = grep { head_of($_->{path}) eq $entry->{head} } rotated_of($held->{path}) unless @later;
  return @later && $held->{stamp} lt $later[0]{stamp};
}

# Heads first: positions without their heads would be another file's.
sub save {
  my ($snapshot) = @_;
  my $heads = $snapshot->{heads};
  unlink "$home/heads";
  write_file("$home/positions.yml", $snapshot->{text});
  write_file("$home/heads", join('', map { "$_ $heads->{$_}{head}\n" } sort keys %$heads) . "\nend\n");
  for my $file (backlog_files()) {
    next unless $file =~ /\.held$/ ? let_go($heads, $file) : $heads->{$file} && $heads->{$file}{position} >= (-s $file || 0);
    unlink $file;
    delete $holding{$file};
    rmdir $file =~ s{/[^/]+$}{}r;
    rmdir $file =~ s{/[^/]+/[^/]+$}{}r;
  }
  return $heads;
}

$mode eq 'restore' ? restore() : track();
