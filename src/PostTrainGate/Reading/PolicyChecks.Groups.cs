using System.Collections.Immutable;
using PostTrainGate.Foundation;
using PostTrainGate.Schema;
using Shapes = PostTrainGate.Reading.PolicyShape;

namespace PostTrainGate.Reading;

// Groups, and the names of groups.
internal static partial class PolicyChecks
{
    private static void Groups(ImmutableArray<(ScalarNode Name, Section Group)> groups, ReadContext context)
    {
        foreach (var (name, group) in groups)
        {
            var shown = Wording.Quote(name.Text);
            Key[] kinds = [Shapes.Group.Column, Shapes.Group.Where, Shapes.Group.Cross];
            var given = kinds.Where(group.Has).ToList();
            if (given.Count > 1)
            {
                Conflict(
                    context,
                    group.At(given[1]),
                    $"The group {shown} has {Wording.List(given.Select(k => $"'{k.Name}'"))}; keep one of them."
                );
            }

            if (given.Count == 0 && !group.IsFaulty)
            {
                context.Report(
                    DiagnosticCodes.PolicyMissingKey,
                    name.Position,
                    $"The group {shown} has no definition; give 'column', 'where' or 'cross'."
                );
            }

            if (group.Has(Shapes.Group.Privileged) && given.Count > 0 && !group.Has(Shapes.Group.Column))
            {
                var why = group.Has(Shapes.Group.Where)
                    ? "rows that meet the condition are privileged already, so "
                    : "";
                Conflict(
                    context,
                    group.At(Shapes.Group.Privileged),
                    $"'privileged' is a value of 'column', which the group {shown} does not have; {why}remove it."
                );
            }

            if (group.TryGet(Shapes.Group.Bins, out var bins))
                Bins(shown, bins, group, context);
            if (!group.TryGet(Shapes.Group.Cross, out var cross))
                continue;
            foreach (var member in cross)
                Crossed(member, name.Text, group.At(Shapes.Group.Cross), groups, context);
        }
    }

    private static void Bins(string group, ImmutableArray<double> bins, Section section, ReadContext context)
    {
        var at = section.At(Shapes.Group.Bins);
        if (!section.Has(Shapes.Group.Column))
            Conflict(context, at, $"The group {group} has 'bins' but no 'column' to cut; give the column.");
        if (bins.Zip(bins.Skip(1)).Any(b => b.Second < b.First))
            context.Report(
                DiagnosticCodes.PolicyRange,
                at,
                $"'bins' of the group {group} are {string.Join(", ", bins.Select(Wording.Number))}; they must be "
                    + "in ascending order."
            );
    }

    private static void Crossed(
        string member,
        string name,
        SourcePosition at,
        ImmutableArray<(ScalarNode Name, Section Group)> groups,
        ReadContext context
    )
    {
        var other = groups.FirstOrDefault(g => g.Name.Text == member);
        if (member == name)
        {
            Conflict(context, at, $"The group {Wording.Quote(name)} crosses itself; name other groups.");
        }
        else if (other.Name is null)
        {
            Undefined(member, groups.Where(g => g.Name.Text != name), at, context);
        }
        else if (other.Group.Has(Shapes.Group.Cross))
        {
            Conflict(
                context,
                at,
                $"The group {Wording.Quote(name)} crosses {Wording.Quote(member)}, which is itself a cross; "
                    + "name the groups it is made of."
            );
        }
    }

    private static void Undefined(
        string name,
        IEnumerable<(ScalarNode Name, Section Group)> groups,
        SourcePosition at,
        ReadContext context
    )
    {
        var names = groups.Select(g => g.Name.Text).ToList();
        var right =
            Wording.Nearest(name, names) is { } near ? $"did you mean {Wording.Quote(near)}?"
            : names.Count == 0 ? "define it under 'groups'."
            : $"'groups' defines {Listed(names)}.";
        context.Report(DiagnosticCodes.PolicyName, at, $"There is no group {Wording.Quote(name)}; {right}");
    }
}
