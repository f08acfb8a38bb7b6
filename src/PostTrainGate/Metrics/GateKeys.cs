using PostTrainGate.Schema;

namespace PostTrainGate.Metrics;

/// <summary>Keys that several kinds of metric take.</summary>
internal static class GateKeys
{
    public static readonly Key<string> Group = new(
        "group",
        new TextShape("the name of a group"),
        "The group it is measured by."
    )
    {
        Example = "group: sex",
    };

    public static readonly Key<Rate> Rate = new("rate", new NameShape<Rate>("rate"), "The rate that is compared.")
    {
        Example = "rate: true_positive_rate",
    };

    public static readonly Key<ClassView> Average = new(
        "average",
        new ChoiceShape<ClassView>(),
        "Of several classes: the favorable one against the rest, or each against the rest and their mean or the worst."
    )
    {
        Default = "favorable",
        Formerly = "classes",
    };

    public static readonly Key<int> Neighbors = new(
        "neighbors",
        new CountShape(1, 1000),
        "How many nearest rows a row is compared with."
    )
    {
        Default = "5",
    };

    public static readonly Key<int?> Samples = new(
        "samples",
        new CountShape(1),
        "At most this many test rows are attacked, certified or corrupted, a seeded choice; without it all."
    );
}
