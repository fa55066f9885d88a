#!/usr/bin/env python3
"""lib/cron against an oracle of its own: Python's zoneinfo, and a reading of cron that goes day by day.

The oracle knows nothing of clocks that stand still: it cuts a zone's time into stretches with one distance from
UTC each, and a time of day comes in the first stretch that has it, or at the start of one that begins later.
SLUICE_SLOW=1 asks for all 100,000; else for so many as fit into a few seconds."""
import bisect
import datetime
import os
import random
import subprocess
import sys
import zoneinfo

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import sluice  # noqa: E402

DRIVER = os.path.join(sluice.ROOT, "build", os.environ.get("MODE", "debug"), "tests", "cron-driver")
SEED = int(os.environ.get("SEED") or 20261)
MANY = 100_000 if os.environ.get("SLUICE_SLOW") else 20_000
DAY = 86400
FIRST, LAST = (int(datetime.datetime(year, 1, 1, tzinfo=datetime.timezone.utc).timestamp()) for year in (2002, 2034))
FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()
ZONES = """Europe/Berlin Europe/London Europe/Dublin Europe/Lisbon Europe/Istanbul Europe/Moscow Europe/Chisinau
    America/New_York America/Chicago America/Sao_Paulo America/Santiago America/Nuuk America/St_Johns America/Caracas
    America/Havana America/Asuncion America/Scoresbysund Africa/Casablanca Africa/Cairo Asia/Tehran Asia/Gaza Asia/Beirut
    Asia/Amman Asia/Kathmandu Asia/Pyongyang Australia/Lord_Howe Australia/Adelaide Australia/Sydney Antarctica/Troll
    Antarctica/Casey Pacific/Apia Pacific/Chatham Pacific/Auckland Pacific/Easter Pacific/Norfolk UTC""".split()


class Zone:
    """Stretches of time: (begin, end, distance from UTC)."""

    def __init__(self, name):
        zone = zoneinfo.ZoneInfo(name)

        def offset(at):
            return int(datetime.datetime.fromtimestamp(at, zone).utcoffset().total_seconds())

        self.changes = []
        self.stretches = []
        begin, now = FIRST - 40 * DAY, offset(FIRST - 40 * DAY)
        for at in range(begin + DAY // 2, LAST + 40 * DAY, DAY // 2):
            if offset(at) == now:
                continue
            low, high = at - DAY // 2, at
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == now else (low, middle)
            self.stretches.append((begin, high, now))
            self.changes.append(high)
            begin, now = high, offset(high)
        self.stretches.append((begin, 1 << 60, now))

    def moment(self, local):
        """When the clock first shows that or what comes after it."""
        at = max(0, bisect.bisect(self.changes, local - 2 * DAY))
        for begin, end, offset in self.stretches[at:]:
            if local - offset < end:
                return max(begin, local - offset)
        raise AssertionError("a zone without an end")


def read_field(text, least, most, names):
    """The set of a field's values, or None."""
    found = set()
    for item in text.split(","):
        item, slash, step = item.partition("/")
        if slash and not (step.isdecimal() and 1 <= int(step) <= most):
            return None
        if item == "*":
            begin, end = least, most
        else:
            ends = []
            for word in item.split("-"):
                if word.lower() in names:
                    ends.append(names.index(word.lower()) + least)
                    if ends[-1] == 0 and len(ends) == 2:
                        ends[-1] = 7
                elif word.isdecimal() and least <= int(word) <= most:
                    ends.append(int(word))
                else:
                    return None
            if len(ends) > 2 or ends[0] > ends[-1]:
                return None
            begin, end = ends[0], ends[-1] if len(ends) == 2 or not slash else most
        found.update(range(begin, end + 1, int(step) if slash else 1))
    return found


class Cron:
    def __init__(self, line):
        self.words = line.split()
        names = ([], [], [], MONTHS, DAYS)
        self.sets = [read_field(*each) for each in zip(self.words, *zip(*FIELDS), names)]
        self.is_good = len(self.words) == 5 and None not in self.sets
        if not self.is_good:
            return
        self.sets[4] = {day % 7 for day in self.sets[4]}
        self.both = self.words[2][0] == "*" or self.words[4][0] == "*"
        long = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
        self.is_good = not self.both or any(
            day <= long.get(month, 31) for month in self.sets[3] for day in self.sets[2])
        self.of_day = sorted(60 * (60 * hour + minute) for hour in self.sets[1] for minute in self.sets[0])

    def fits(self, day):
        date = datetime.date.fromordinal(day + 719163)
        if date.month not in self.sets[3]:
            return False
        in_days, in_week = date.day in self.sets[2], date.isoweekday() % 7 in self.sets[4]
        return in_days and in_week if self.both else in_days or in_week

    def times(self, zone, at, way):
        """From about `at` on, in that direction, until the years of the zone end."""
        local = at - way * 15 * 3600  # no clock shows more or less than that
        day, of_day = local // DAY, self.of_day
        seconds = of_day[bisect.bisect_left(of_day, local % DAY):] if way > 0 else \
            of_day[:bisect.bisect_right(of_day, local % DAY)]
        while FIRST // DAY - 30 < day < LAST // DAY + 30:
            if self.fits(day):
                for second in seconds[::way]:
                    yield zone.moment(day * DAY + second)
            day, seconds = day + way, of_day


def expected(line, zone, at, count):
    cron = Cron(line)
    if not cron.is_good:
        return None
    last = next((time for time in cron.times(zone, at, -1) if time <= at), None)
    found = []
    for time in cron.times(zone, at, 1):
        if time > (found[-1] if found else at):
            found.append(time)
            if len(found) == count:
                break
    return last, found


def is_right(answer, wanted, count):
    if wanted is None or answer == "refused":
        return wanted is None and answer == "refused"
    last, *following = [int(word) for word in answer.split()]
    if len(following) != count or (last != wanted[0] if wanted[0] is not None else last > FIRST):
        return False
    beyond = following[len(wanted[1]):]
    return following[:len(wanted[1])] == wanted[1] and all(time > LAST for time in beyond)


def random_value(chance, field):
    least, most = FIELDS[field]
    names = {3: MONTHS, 4: DAYS}.get(field)
    if names and chance.random() < 0.3:
        word = chance.choice(names)
        return word.upper() if chance.random() < 0.3 else word
    if chance.random() < 0.005:
        return chance.choice([str(most + 1), "x", "", "999", "monday"])
    return str(chance.randint(least, most))


def random_field(chance, field):
    if chance.random() < (0.1, 0.2, 0.6, 0.6, 0.5)[field]:
        return "*"
    items = []
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        item = random_value(chance, field)
        kind = chance.random()
        if kind < 0.15:
            ends = [random_value(chance, field) for _ in "ab"]
            item = "-".join(sorted(ends, key=lambda end: int(end) if end.isdecimal() else 0))
        elif kind < 0.25:
            item = "*"
        if chance.random() < 0.2:
            item += "/%d" % chance.randint(0 if chance.random() < 0.02 else 1, FIELDS[field][1])
        items.append(item)
    return ",".join(items)


def ask(questions):
    text = "".join("%s\t%s\t%d\t%d\n" % question for question in questions)
    done = subprocess.run([DRIVER], input=text, capture_output=True, text=True, check=True, timeout=600)
    answers = done.stdout.splitlines()
    assert len(answers) == len(questions), (len(answers), len(questions))
    return answers


def compare(questions, zones):
    wrong = []
    refused = 0
    for (name, line, at, count), answer in zip(questions, ask(questions)):
        refused += answer == "refused"
        wanted = expected(line, zones[name], at, count)
        if not is_right(answer, wanted, count):
            wrong.append(f"{name} {line!r} at {at}: {answer}, expected {wanted}")
    assert not wrong, f"{len(wrong)} of {len(questions)}: " + "; ".join(wrong[:3])
    return refused


def random_lines(zones):
    chance = random.Random(SEED)
    lines = [(chance.choice(ZONES), " ".join(random_field(chance, field) for field in range(5)),
              chance.randint(FIRST, LAST - 10 * 365 * DAY), 2) for _ in range(MANY)]
    refused = compare(lines, zones)
    assert MANY // 200 < refused < MANY // 2, f"{refused} of {MANY} lines are refused: too few or too many to prove much"


def near_changes(zones):
    """All that a change of the clock can do to times within three hours of it."""
    chance = random.Random(SEED)
    lines = []
    for name, zone in zones.items():
        for at in chance.sample(zone.changes, min(12, len(zone.changes))):
            if FIRST < at < LAST - 3 * 365 * DAY:
                hours = ",".join(str(hour) for hour in sorted(chance.sample(range(24), 8)))
                lines += [(name, f"{minutes} {hours} * * *", at + chance.randint(-3 * 3600, 3 * 3600), 8)
                          for minutes in ("*/20", "0", "30", "59", "*/7")]
    assert len(lines) > 500, len(lines)
    compare(lines, zones)


def a_year(zones):
    """Each zone a whole year, every time of it: nothing twice, nothing left out."""
    begin = int(datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc).timestamp())
    compare([(name, line, begin, count) for name in ZONES for line, count in
             (("0 8 * * 1-5", 262), ("30 2 * * *", 366), ("*/45 1-3 * * sun,mon", 320))], zones)


def main():
    results = sluice.Results("cron")
    zones = {name: Zone(name) for name in ZONES}
    for case in (random_lines, near_changes, a_year):
        try:
            case(zones)
            results.row("passed", case.__name__)
        except AssertionError as problem:
            results.row("failed", case.__name__, f"SEED={SEED}: {problem}")
    results.end()


if __name__ == "__main__":
    main()
