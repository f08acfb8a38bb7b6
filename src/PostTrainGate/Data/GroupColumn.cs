using System.Collections.Immutable;

namespace PostTrainGate.Data;

/// <summary>Which group each row belongs to.</summary>
/// <param name="Name">Name of the group in the policy.</param>
/// <param name="Levels">
/// Names of the levels, such as <c>female</c>, <c>male</c>; of a condition: <c>false</c>, <c>true</c>.
/// </param>
/// <param name="LevelOf">Per row the index of its level; -1 where the value is missing.</param>
/// <param name="Privileged">
/// Index of the privileged level, everything else being unprivileged; null: levels stand side by side.
/// </param>
/// <param name="SourceColumns">Columns of the data that the group is made of.</param>
public sealed record GroupColumn(
    string Name,
    ImmutableArray<string> Levels,
    ImmutableArray<int> LevelOf,
    int? Privileged,
    ImmutableArray<string> SourceColumns
)
{
    /// <summary>Columns that depend on the group's and change with them in a counterfactual.</summary>
    public ImmutableArray<string> Dependent { get; init; } = [];

    /// <summary>Fewest rows that a rate of a level may rest on.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>The level that a row is counted in; negative: in none.</summary>
    internal static int CountedLevel(GroupColumn? group, int row) =>
        group switch
        {
            null => 0,
            { Privileged: { } privileged } => group.LevelOf[row] < 0 ? -1
            : group.LevelOf[row] == privileged ? 1
            : 0,
            _ => group.LevelOf[row],
        };

    /// <summary>The same for the chosen rows.</summary>
    public GroupColumn Take(int[] rows) => this with { LevelOf = [.. rows.Select(r => LevelOf[r])] };

    /// <summary>The same for these rows and then those of another set of the same data.</summary>
    internal GroupColumn And(GroupColumn other) => this with { LevelOf = [.. LevelOf, .. other.LevelOf] };
}
