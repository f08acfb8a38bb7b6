using System.Collections.Immutable;
using PostTrainGate.Policy;

namespace PostTrainGate.Data;

/// <summary>Makes the policy's groups from the columns of the data.</summary>
internal static class GroupReader
{
    private const int MostLevels = 1000;
    private const string Joint = " × ";

    /// <summary>Every group of the policy, for all rows.</summary>
    /// <exception cref="GateException">PTG3002, PTG3004, PTG3005 at the group's place.</exception>
    public static ImmutableDictionary<string, GroupColumn> Read(Table table, ImmutableArray<GroupPolicy> groups)
    {
        Dictionary<string, GroupColumn> read = [];
        foreach (var group in groups)
        {
            Resolve(group, []);
            foreach (var dependent in group.Dependent) table.Column(dependent, $"'dependent' of the group {Wording.Quote(group.Name)}", group.Position);
        }

        return read.ToImmutableDictionary();

        GroupColumn Resolve(GroupPolicy group, ImmutableArray<string> outer)
        {
            if (read.TryGetValue(group.Name, out var known)) return known;
            if (outer.Contains(group.Name)) throw Problem(DiagnosticCodes.PolicyConflict, group, "crosses itself");
            return read[group.Name] = group switch
            {
                { Column: { } column } => OfColumn(table, group, column),
                { Where: { } where } => OfCondition(table, group, where),
                _ => OfCross(group, [.. group.Cross.Select(name => Resolve(Named(group, name), outer.Add(group.Name)))]),
            };
        }

        GroupPolicy Named(GroupPolicy group, string name) => groups.FirstOrDefault(g => g.Name == name)
            ?? throw Problem(DiagnosticCodes.PolicyName, group, $"crosses {Wording.Quote(name)}, which is no group");
    }

    private static GroupColumn OfColumn(Table table, GroupPolicy group, string name)
    {
        var column = table.Column(name, $"The group {Wording.Quote(group.Name)}", group.Position);
        if (!group.Bins.IsEmpty) return OfBins(table, group, column);
        var codes = table.Codes(column, numbersInText: true, MostLevels) ?? throw TooMany(group);
        return Check(group, new(group.Name, codes.Values, [.. codes.Index], Privileged(group, codes.Values), [name]));
    }

    private static GroupColumn OfBins(Table table, GroupPolicy group, TableColumn column)
    {
        if (column.Kind != ColumnKind.Number)
            throw Problem(DiagnosticCodes.DataValue, group, $"cuts {Wording.Quote(column.Name)} into bins, which is no column of numbers");
        var (cuts, names) = (group.Bins, group.Bins.Select(Wording.Number).ToArray());
        ImmutableArray<string> levels = [$"below {names[0]}", .. names.Zip(names.Skip(1), (a, b) => $"{a} to below {b}"), $"from {names[^1]}"];
        ImmutableArray<int> levelOf = [.. table.Numbers(column).Select(v => double.IsNaN(v) ? -1 : cuts.Count(cut => v >= cut))];
        return Check(group, new(group.Name, levels, levelOf, Privileged(group, levels), [column.Name]));
    }

    private static GroupColumn OfCondition(Table table, GroupPolicy group, string where)
    {
        var (truth, columns) = Condition.Evaluate(table, where, group);
        return Check(group, new(group.Name, ["false", "true"], [.. truth], 1, columns));
    }

    // Levels are the combinations that occur; a row that misses one part is in none.
    private static GroupColumn OfCross(GroupPolicy group, ImmutableArray<GroupColumn> parts)
    {
        var combined = new long[parts[0].LevelOf.Length];
        foreach (var part in parts)
        {
            for (var row = 0; row < combined.Length; row++)
                combined[row] = combined[row] < 0 || part.LevelOf[row] < 0 ? -1 : combined[row] * part.Levels.Length + part.LevelOf[row];
        }

        var occurring = combined.Where(c => c >= 0).Distinct().Order().ToArray();
        if (occurring.Length > MostLevels) throw TooMany(group);
        ImmutableArray<string> levels = [.. occurring.Select(NameOf)];
        return Check(group, new(group.Name, levels, [.. combined.Select(c => c < 0 ? -1 : Array.BinarySearch(occurring, c))],
            Privileged(group, levels), [.. parts.SelectMany(p => p.SourceColumns).Distinct()]));

        string NameOf(long code)
        {
            var names = new string[parts.Length];
            for (var p = parts.Length - 1; p >= 0; p--)
            {
                var level = parts[p].Levels[(int)(code % parts[p].Levels.Length)];
                // "true" beside another level says nothing without the group's name.
                names[p] = parts[p].Levels is ["false", "true"] ? $"{parts[p].Name}={level}" : level;
                code /= parts[p].Levels.Length;
            }

            return string.Join(Joint, names);
        }
    }

    private static int? Privileged(GroupPolicy group, ImmutableArray<string> levels)
    {
        if (group.Privileged is not { } privileged) return null;
        var index = levels.IndexOf(privileged);
        if (index >= 0) return index;
        var right = Wording.Nearest(privileged, levels) is { } near ? $"did you mean {Wording.Quote(near)}?"
            : $"its levels are {Wording.List(levels.Take(20).Select(Wording.Quote))}.";
        throw group.Position.Error(DiagnosticCodes.DataEmpty,
            $"The privileged level {Wording.Quote(privileged)} of the group {Wording.Quote(group.Name)} has no rows; {right}");
    }

    private static GroupColumn Check(GroupPolicy policy, GroupColumn group)
    {
        var counts = new int[group.Levels.Length];
        foreach (var level in group.LevelOf) if (level >= 0) counts[level]++;
        var rows = counts.Sum();
        var fault = rows == 0 ? "has no rows: every value is missing"
            : group.Privileged is { } p && counts[p] == 0 ? "has no privileged row"
            : group.Privileged is { } q && counts[q] == rows ? "has no unprivileged row"
            : counts.Count(c => c > 0) < 2 ? $"has one level only, {Wording.Quote(group.Levels[0])}: there is nothing to compare"
            : null;
        return fault is null ? group with { MinCount = policy.MinCount, Dependent = policy.Dependent } : throw Problem(DiagnosticCodes.DataEmpty, policy, fault);
    }

    private static GateException TooMany(GroupPolicy group) => Problem(DiagnosticCodes.DataValue, group,
        $"would have more than {MostLevels} levels; cut numbers by 'bins', or group by a condition, such as {{ where: \"age >= 25\" }}");

    private static GateException Problem(string code, GroupPolicy group, string fault) =>
        group.Position.Error(code, $"The group {Wording.Quote(group.Name)} {fault}.");
}
