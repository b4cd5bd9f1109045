Feature: Search
  Scenario: Find an article
    Given a catalogue with "apple, bread"
    When I search for "bread"
    Then I find 1 article

  Scenario: Find nothing
    Given a catalogue with "apple, bread"
    When I search for "umbrella"
    Then I find 1 article

  Scenario: Sort by price
    Given a catalogue with "apple, bread"
    When I sort by price
