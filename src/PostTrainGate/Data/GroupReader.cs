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
        foreach (var group in groups) Resolve(group, []);
        return read.ToImmutableDictionary();

        GroupColumn Resolve(GroupPolicy group, ImmutableArray<string> outer)
        {
            if (read.TryGetValue(group.Name, out var known)) return known;
            if (outer.Contains(group.Name)) throw Problem(DiagnosticCodes.PolicyConflict, group, $"the group {Wording.Quote(group.Name)} crosses itself");
            return read[group.Name] = group switch
            {
                { Column: { } column } => OfColumn(table, group, column),
                { Where: { } where } => OfCondition(table, group, where),
                _ => OfCross(group, [.. group.Cross.Select(name => Resolve(groups.FirstOrDefault(g => g.Name == name)
                    ?? throw Problem(DiagnosticCodes.PolicyName, group, $"the group {Wording.Quote(group.Name)} crosses {Wording.Quote(name)}, which is no group"),
                    outer.Add(group.Name)))]),
            };
        }
    }

    private static GroupColumn OfColumn(Table table, GroupPolicy group, string name)
    {
        var column = table.Column(name, $"the group {Wording.Quote(group.Name)}", group.Position);
        var codes = table.Codes(column, numbersInText: true, MostLevels)
            ?? throw Problem(DiagnosticCodes.DataValue, group, $"the group {Wording.Quote(group.Name)} would have more than {MostLevels} levels; group the column {Wording.Quote(name)} by a condition, such as {{ where: \"{name} >= 25\" }}");
        return Check(group, new(group.Name, codes.Values, [.. codes.Index], Privileged(group, codes.Values), [name]));
    }

    private static GroupColumn OfCondition(Table table, GroupPolicy group, string where)
    {
        var (truth, columns) = Condition.Evaluate(table, where, group.Name, group.Position);
        return Check(group, new(group.Name, ["false", "true"], [.. truth], 1, columns));
    }

    // Levels are the combinations that occur; a row that misses one part is in none.
    private static GroupColumn OfCross(GroupPolicy group, ImmutableArray<GroupColumn> parts)
    {
        var combined = new long[parts[0].LevelOf.Length];
        for (var row = 0; row < combined.Length; row++)
        {
            foreach (var part in parts) combined[row] = combined[row] < 0 || part.LevelOf[row] < 0 ? -1 : combined[row] * part.Levels.Length + part.LevelOf[row];
        }

        var occurring = combined.Where(c => c >= 0).Distinct().Order().ToArray();
        if (occurring.Length > MostLevels) throw Problem(DiagnosticCodes.DataValue, group, $"the group {Wording.Quote(group.Name)} would have more than {MostLevels} levels");
        ImmutableArray<string> levels = [.. occurring.Select(NameOf)];
        return Check(group, new(group.Name, levels, [.. combined.Select(c => c < 0 ? -1 : Array.BinarySearch(occurring, c))],
            Privileged(group, levels), [.. parts.SelectMany(p => p.SourceColumns).Distinct()]));

        string NameOf(long code)
        {
            var names = new string[parts.Length];
            for (var p = parts.Length - 1; p >= 0; p--)
            {
                names[p] = Part(parts[p], (int)(code % parts[p].Levels.Length));
                code /= parts[p].Levels.Length;
            }

            return string.Join(Joint, names);
        }

        // "true" alone says nothing beside another level: a condition is told by its group's name.
        string Part(GroupColumn part, int level) => part.Levels is ["false", "true"] ? $"{part.Name}={part.Levels[level]}" : part.Levels[level];
    }

    private static int? Privileged(GroupPolicy group, ImmutableArray<string> levels)
    {
        if (group.Privileged is not { } privileged) return null;
        var index = levels.IndexOf(privileged);
        if (index >= 0) return index;
        var near = Wording.Nearest(privileged, levels) is { } meant ? $"did you mean {Wording.Quote(meant)}?" : $"there are {Wording.List(levels.Take(20).Select(Wording.Quote))}";
        throw Problem(DiagnosticCodes.DataEmpty, group, $"the privileged level {Wording.Quote(privileged)} of the group {Wording.Quote(group.Name)} has no rows; {near}");
    }

    private static GroupColumn Check(GroupPolicy policy, GroupColumn group)
    {
        var counts = new int[group.Levels.Length];
        foreach (var level in group.LevelOf) if (level >= 0) counts[level]++;
        var name = Wording.Quote(policy.Name);
        if (counts.Sum() == 0) throw Problem(DiagnosticCodes.DataEmpty, policy, $"the group {name} has no rows: every value is missing");
        if (group.Privileged is { } privileged && counts[privileged] == 0) throw Problem(DiagnosticCodes.DataEmpty, policy, $"the group {name} has no privileged row");
        if (group.Privileged is { } p && counts[p] == counts.Sum()) throw Problem(DiagnosticCodes.DataEmpty, policy, $"the group {name} has no unprivileged row");
        if (counts.Count(c => c > 0) < 2) throw Problem(DiagnosticCodes.DataEmpty, policy, $"the group {name} has one level only, {Wording.Quote(group.Levels[0])}: there is nothing to compare");
        return group;
    }

    private static GateException Problem(string code, GroupPolicy group, string message) => new(new Diagnostic(code, message, group.Position));
}
