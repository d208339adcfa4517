package Lazyd::Scoreboard;

# Who is idle, and how many workers there should be. No system call is made here.
#
# A worker lives in a numbered slot. Work goes to the lowest-numbered idle one, so that the first
# workers stay warm and the last ones are the first to go. A new worker takes the lowest free slot.
use strict;
use warnings;

sub new {
    my ( $class, %limit ) = @_;
    return bless { slots => [], limit => {%limit} }, $class;
}

# Puts a worker, which begins idle, into the lowest free slot and returns the slot's number.
sub add {
    my ( $self, $worker ) = @_;
    my $slots = $self->{slots};
    my $number = 0;
    $number++ while $slots->[$number];
    $slots->[$number] = { %$worker, slot => $number, state => 'idle' };
    return $number;
}

sub remove {
    my ( $self, $number ) = @_;
    return delete $self->{slots}[$number];
}

sub workers {
    my ($self) = @_;
    return grep { defined } @{ $self->{slots} };
}

sub idle {
    my ($self) = @_;
    return grep { $_->{state} eq 'idle' } $self->workers;
}

sub lowest_idle {
    my ($self) = @_;
    my ($first) = $self->idle;
    return $first;
}

# True while a worker was told to accept and has not said yet that it did: the listening socket
# stays readable until then, and must not wake a second worker for the same connection.
sub accepting {
    my ($self) = @_;
    return scalar grep { $_->{state} eq 'accepting' } $self->workers;
}

# How many workers to start now.
sub wanted {
    my ($self) = @_;
    my $limit  = $self->{limit};
    my $alive  = $self->workers;
    my $idle   = $self->idle;
    my $wanted = $limit->{'min-spare'} - $idle;
    $wanted = $limit->{min} - $alive if $wanted < $limit->{min} - $alive;
    $wanted = $limit->{max} - $alive if $wanted > $limit->{max} - $alive;
    return $wanted > 0 ? $wanted : 0;
}

# The highest-numbered idle worker when there are more spare ones than needed, else nothing.
sub superfluous {
    my ($self) = @_;
    my @idle = $self->idle;
    return if @idle <= $self->{limit}{'max-spare'} || $self->workers <= $self->{limit}{min};
    return $idle[-1];
}

1;
