using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>How a row's level of a group that is no cross follows from its columns.</summary>
/// <param name="Name">Name of the group.</param>
/// <param name="Coding">Levels, and the SQL of a row's index among them.</param>
/// <param name="Columns">Columns that the group is made of.</param>
internal sealed record GroupCode(string Name, Coding Coding, ImmutableArray<string> Columns);

/// <summary>Makes the policy's groups from the columns of the data.</summary>
internal static class GroupReader
{
    private const int MostLevels = 500;
    private const int ManyNumbers = 20; // more numbers than these are amounts, not names of groups
    private const double Many = 0.1; // share of rows without a group that is worth a warning
    private const string Joint = " × ";

    /// <summary>Every group of the policy, for all rows.</summary>
    /// <exception cref="GateException">PTG3002, PTG3004, PTG3005 at the group's place.</exception>
    public static ImmutableDictionary<string, GroupColumn> Read(Table table, ImmutableArray<GroupPolicy> groups)
    {
        var levelOf = Codes(table, groups).ToDictionary(c => c, c => table.Integers(c.Coding.Sql));
        return groups.ToImmutableDictionary(
            g => g.Name,
            g => Column(g, Parts(g, groups, levelOf.Keys), part => levelOf[part])
        );
    }

    /// <summary>The groups that are no crosses.</summary>
    /// <exception cref="GateException">PTG3002, PTG3003, PTG3005 at the places of all groups that are wrong.</exception>
    public static ImmutableArray<GroupCode> Codes(Table table, ImmutableArray<GroupPolicy> groups)
    {
        var (codes, wrong) = (ImmutableArray.CreateBuilder<GroupCode>(), new List<Diagnostic>());
        foreach (var group in groups)
        {
            try
            {
                foreach (var dependent in group.Dependent)
                    table.Column(dependent, $"'dependent' of the group {Wording.Quote(group.Name)}", group.Position);
                if (!group.Cross.IsEmpty)
                    continue;
                codes.Add(
                    group.Where is { } where ? OfCondition(table, group, where) : OfColumn(table, group, group.Column!)
                );
                if (group.Where is null)
                    Privileged(group, codes[^1].Coding.Values);
            }
            catch (GateException one)
            {
                wrong.AddRange(one.Diagnostics); // of each group, not of the first alone
            }
        }

        return wrong.Count == 0 ? codes.ToImmutable() : throw new GateException([.. wrong]);
    }

    /// <summary>The groups whose levels together are those of a group: itself, or those that it crosses.</summary>
    /// <exception cref="GateException">PTG1010, PTG1011 at the group's place.</exception>
    public static ImmutableArray<GroupCode> Parts(
        GroupPolicy group,
        ImmutableArray<GroupPolicy> groups,
        IEnumerable<GroupCode> codes
    )
    {
        return [.. Of(group, [])];

        IEnumerable<GroupCode> Of(GroupPolicy part, ImmutableArray<string> outer)
        {
            if (part.Cross.IsEmpty)
                return [codes.First(c => c.Name == part.Name)];
            if (outer.Contains(part.Name))
                throw Problem(DiagnosticCodes.PolicyConflict, part, "crosses itself");
            return part.Cross.SelectMany(name =>
                Of(
                    groups.FirstOrDefault(g => g.Name == name)
                        ?? throw Problem(
                            DiagnosticCodes.PolicyName,
                            part,
                            $"crosses {Wording.Quote(name)}, which is not a group"
                        ),
                    outer.Add(part.Name)
                )
            );
        }
    }

    /// <summary>A group of rows, from the levels that its parts have in each.</summary>
    /// <exception cref="GateException">PTG3003, PTG3004 at the group's place.</exception>
    public static GroupColumn Column(GroupPolicy group, ImmutableArray<GroupCode> parts, Func<GroupCode, int[]> levelOf)
    {
        if (!group.Cross.IsEmpty)
            return OfCross(group, parts, levelOf);
        var (levels, privileged) = (
            parts[0].Coding.Values,
            group.Where is null ? Privileged(group, parts[0].Coding.Values) : 1
        );
        return Check(group, new(group.Name, levels, [.. levelOf(parts[0])], privileged, parts[0].Columns));
    }

    private static GroupCode OfColumn(Table table, GroupPolicy group, string name)
    {
        var column = table.Column(name, $"The group {Wording.Quote(group.Name)}", group.Position);
        var coding = group.Bins.IsEmpty
            ? table.Code(column, numbersInText: true, MostLevels) ?? throw TooMany(table, column, group)
            : Bins(group, column);
        return new(group.Name, coding, [name]);
    }

    private static Coding Bins(GroupPolicy group, TableColumn column)
    {
        if (column.Kind != ColumnKind.Number)
            throw Problem(
                DiagnosticCodes.DataValue,
                group,
                $"cannot bin {Wording.Quote(column.Name)}, because that column is not numeric"
            );
        var names = group.Bins.Select(Wording.Number).ToArray();
        ImmutableArray<string> levels =
        [
            $"below {names[0]}",
            .. names.Zip(names.Skip(1), (a, b) => $"{a} to below {b}"),
            $"from {names[^1]}",
        ];
        var value = $"CAST({column.Sql} AS DOUBLE)";
        var reached = group.Bins.Select(cut =>
            FormattableString.Invariant($"CAST({value} >= CAST('{cut:R}' AS DOUBLE) AS INTEGER)")
        );
        return new(
            levels,
            $"CASE WHEN {value} IS NULL OR isnan({value}) THEN -1 ELSE {string.Join(" + ", reached)} END",
            key => key
        );
    }

    private static GroupCode OfCondition(Table table, GroupPolicy group, string where)
    {
        var (truth, columns) = Condition.Check(table, where, $"the group {Wording.Quote(group.Name)}", group.Position);
        return new(group.Name, new(["false", "true"], truth, key => key), columns);
    }

    // Levels are the combinations that occur; a row that misses one part is in none.
    private static GroupColumn OfCross(
        GroupPolicy group,
        ImmutableArray<GroupCode> parts,
        Func<GroupCode, int[]> levelOf
    )
    {
        var combined = new long[levelOf(parts[0]).Length];
        foreach (var part in parts)
        {
            var levels = levelOf(part);
            for (var row = 0; row < combined.Length; row++)
                combined[row] =
                    combined[row] < 0 || levels[row] < 0 ? -1 : combined[row] * part.Coding.Values.Length + levels[row];
        }

        var occurring = combined.Where(c => c >= 0).Distinct().Order().ToArray();
        if (occurring.Length > MostLevels)
            throw Problem(
                DiagnosticCodes.DataValue,
                group,
                $"has {occurring.Length} levels, more than {MostLevels}; cross groups of fewer levels"
            );
        ImmutableArray<string> names = [.. occurring.Select(NameOf)];
        return Check(
            group,
            new(
                group.Name,
                names,
                [.. combined.Select(c => c < 0 ? -1 : Array.BinarySearch(occurring, c))],
                Privileged(group, names),
                [.. parts.SelectMany(p => p.Columns).Distinct()]
            )
        );

        string NameOf(long code)
        {
            var names = new string[parts.Length];
            for (var p = parts.Length - 1; p >= 0; p--)
            {
                var levels = parts[p].Coding.Values;
                var level = levels[(int)(code % levels.Length)];
                // "true" beside another level says nothing without the group's name.
                names[p] = levels is ["false", "true"] ? $"{parts[p].Name}={level}" : level;
                code /= levels.Length;
            }

            return string.Join(Joint, names);
        }
    }

    private static int? Privileged(GroupPolicy group, ImmutableArray<string> levels)
    {
        if (group.Privileged is not { } privileged || levels.IsEmpty)
            return null;
        var index = TruthValues.Find(levels, privileged);
        if (index >= 0)
            return index;
        var right = Wording.Nearest(privileged, levels) is { } near
            ? $"did you mean {Wording.Quote(near)}?"
            : $"its levels are {Wording.List(levels.Take(20).Select(Wording.Quote))}.";
        throw group.Position.Error(
            DiagnosticCodes.DataEmpty,
            $"The privileged level {Wording.Quote(privileged)} of the group {Wording.Quote(group.Name)} has no "
                + $"rows; {right}"
        );
    }

    private static GroupColumn Check(GroupPolicy policy, GroupColumn group)
    {
        var counts = new int[group.Levels.Length];
        foreach (var level in group.LevelOf)
            if (level >= 0)
                counts[level]++;
        var rows = counts.Sum();
        var fault =
            rows == 0 ? "has no rows because every value is missing"
            : group.Privileged is { } p && counts[p] == 0 ? "has no privileged rows"
            : group.Privileged is { } q && counts[q] == rows ? "has no unprivileged rows"
            : counts.Count(c => c > 0) < 2
                ? $"has only one level, {Wording.Quote(group.Levels[0])}; a comparison needs two"
            : null;
        return fault is null
            ? group with
            {
                MinCount = policy.MinCount,
                Dependent = policy.Dependent,
            }
            : throw Problem(DiagnosticCodes.DataEmpty, policy, fault);
    }

    /// <summary>
    /// What to say of a group that is no cross: of rows without a value, a warning where they are many; of numbers each
    /// of which is a group.
    /// </summary>
    public static IEnumerable<Diagnostic> Notes(Table table, GroupPolicy group, int levels, long missing)
    {
        if (missing > 0)
            yield return new(
                DiagnosticCodes.DataValue,
                $"The group {Wording.Quote(group.Name)} has no value in {missing} of {DataProblem.Rows(table.Rows)}; "
                    + "its metrics exclude those rows.",
                group.Position,
                missing > table.Rows * Many ? Severity.Warning : Severity.Note
            );
        if (levels <= ManyNumbers || !group.Bins.IsEmpty || group.Privileged is not null)
            yield break;
        if (table.Columns.FirstOrDefault(c => c.Name == group.Column) is { Kind: ColumnKind.Number } column)
            yield return new(
                DiagnosticCodes.DataValue,
                $"Each of the {levels} numbers in {Wording.Quote(column.Name)} is a level of the group "
                    + $"{Wording.Quote(group.Name)}, with few rows; {BinsFor(table, column)}.",
                group.Position,
                Severity.Warning
            );
    }

    // Thirds of the rows, as far as they differ.
    private static string BinsFor(Table table, TableColumn column)
    {
        var cuts = table
            .Query($"SELECT unnest(quantile_disc(CAST({column.Sql} AS DOUBLE), [0.333, 0.667])) FROM source", r =>
                r.IsDBNull(0) ? double.NaN : r.GetDouble(0)
            )
            .Where(double.IsFinite)
            .Distinct()
            .Select(Wording.Number);
        return $"cut them with 'bins', such as 'bins: [{string.Join(", ", cuts)}]'";
    }

    private static GateException TooMany(Table table, TableColumn column, GroupPolicy group)
    {
        var values = table.Long($"SELECT approx_count_distinct({column.Sql}) FROM source");
        var right =
            column.Kind == ColumnKind.Number
                ? BinsFor(table, column)
                : "use a condition, such as { where: \"age >= 25\" }";
        return Problem(
            DiagnosticCodes.DataValue,
            group,
            $"has a level for each of about {values} values of {Wording.Quote(column.Name)}, more than {MostLevels}; {right}"
        );
    }

    private static GateException Problem(string code, GroupPolicy group, string fault) =>
        group.Position.Error(code, $"The group {Wording.Quote(group.Name)} {fault}.");
}
