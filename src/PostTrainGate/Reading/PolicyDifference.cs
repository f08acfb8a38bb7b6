using System.Collections;
using System.Collections.Immutable;
using System.Globalization;
using PostTrainGate.Foundation;
using PostTrainGate.Policy;
using PostTrainGate.Schema;

namespace PostTrainGate.Reading;

/// <summary>A key whose value a change has otherwise than its base, although the base decides it.</summary>
/// <param name="Key">As the documentation writes it, groups by their names.</param>
/// <param name="Mine">The change's value; null for none.</param>
/// <param name="Theirs">The base's value; null for none.</param>
/// <param name="Position">Where the change has it, or would.</param>
internal sealed record PolicyDifference(string Key, string? Mine, string? Theirs, SourcePosition Position)
{
    /// <summary>
    /// Every key of two policies that the base decides and that has another value, gates left out. Values are
    /// compared, not texts: a
    /// default that is written out is no difference.
    /// </summary>
    public static ImmutableArray<PolicyDifference> Find(Section mine, Section theirs, ICatalog catalog) =>
        [.. Find(PolicyShape.Root, mine, theirs, "", "", mine.Position, catalog)];

    private static IEnumerable<PolicyDifference> Find(
        MapShape map,
        Section? mine,
        Section? theirs,
        string path,
        string rule,
        SourcePosition at,
        ICatalog catalog
    )
    {
        foreach (var key in map.Keys(catalog).Where(k => k.Refused is null && k.Shape is not GatesShape))
        {
            var (a, b) = (Value(mine, key), Value(theirs, key));
            var (name, known) = (path + key.Name, rule + key.Name);
            var place = mine is not null ? mine.At(key) : at;
            if (key.Shape is NamedShape)
            {
                foreach (var difference in Groups(Named(a), Named(b), name, place, catalog))
                    yield return difference;
            }
            else if (key.Shape.Inner is var (_, inner))
            {
                if (key.Shape is SwitchShape && (a is false || b is false))
                    continue; // nothing to repair, or nobody to ask
                foreach (
                    var difference in Find(inner, a as Section, b as Section, $"{name}.", $"{known}.", place, catalog)
                )
                    yield return difference;
            }
            else if (PolicyTrust.DeciderOf(known, catalog) == Decider.Base && !Same(a, b))
            {
                yield return new(name, Text(a), Text(b), place);
            }
        }
    }

    // A group that only the change has changes nothing of the base's.
    private static IEnumerable<PolicyDifference> Groups(
        ImmutableArray<(ScalarNode Name, Section Group)> mine,
        ImmutableArray<(ScalarNode Name, Section Group)> theirs,
        string path,
        SourcePosition at,
        ICatalog catalog
    )
    {
        foreach (var (name, group) in theirs)
        {
            var same = mine.FirstOrDefault(m => m.Name.Text == name.Text);
            if (same.Group is null)
                yield return new($"{path}.{name.Text}", null, "a group", at);
            else
            {
                foreach (
                    var difference in Find(
                        PolicyShape.Group.Map,
                        same.Group,
                        group,
                        $"{path}.{name.Text}.",
                        $"{path}.NAME.",
                        same.Group.Position,
                        catalog
                    )
                )
                    yield return difference;
            }
        }
    }

    private static object? Value(Section? section, Key key) => section is null ? key.Standard : section.Value(key);

    private static ImmutableArray<(ScalarNode Name, Section Group)> Named(object? value) =>
        value is ImmutableArray<(ScalarNode, Section)> groups ? groups : [];

    private static bool Same(object? a, object? b) =>
        (a, b) switch
        {
            (PolicyPath x, PolicyPath y) => x.FullPath == y.FullPath,
            (not string and IEnumerable x, not string and IEnumerable y) => x.Cast<object>()
                .SequenceEqual(y.Cast<object>()),
            _ => Equals(a, b),
        };

    private static string? Text(object? value) =>
        value switch
        {
            null => null,
            PolicyPath path => path.Text,
            string text => text,
            INamed named => named.Name,
            bool flag => flag ? "true" : "false",
            Enum choice => choice.ToString().ToLowerInvariant(),
            IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(Text))}]",
            _ => Convert.ToString(value, CultureInfo.InvariantCulture),
        };
}
