suite_judges = python3 tests/judges/test_judges.py ## what others wrote about what we say and hear: GitHub's own descriptions, examples, emulate
