using System.Text.Json.Nodes;
using NJsonSchema;
using PostTrainGate.Attacks;
using PostTrainGate.Policy;
using PostTrainGate.Reading;
using Xunit;
using YamlDotNet.Serialization;

namespace PostTrainGate.Tests;

public class PolicySchemaTests
{
    private static readonly Lazy<Task<JsonSchema>> Schema = new(() =>
        JsonSchema.FromJsonAsync(PolicySchema.Generate(PolicyFolder.Names))
    );

    [Fact]
    public void The_schema_in_the_repository_is_the_one_the_catalog_gives() =>
        Generated.Same($"docs/{PolicySchema.FileName}", _ => PolicySchema.Generate());

    [Fact]
    public void The_tables_of_the_reference_are_those_the_catalog_gives()
    {
        const string Document = "docs/policy.md";
        var reference = File.ReadAllText(Path.Combine(Fixtures.Repository, Document));
        Assert.All(PolicyReference.Parts, p => Assert.Matches($"<!-- {p} -->[^\0]*<!-- /{p} -->", reference));
        Generated.Same(Document, PolicyReference.Update);
    }

    [Theory]
    [MemberData(nameof(PolicyCases.NamesWithSchema), MemberType = typeof(PolicyCases))]
    public async Task It_accepts_what_the_reader_accepts_and_refuses_what_a_schema_can(string name)
    {
        var policy = PolicyCases.Find(name);
        var errors = (await Schema.Value).Validate(Json(policy.Yaml));
        Assert.Equal(policy.Schema, errors.Count == 0 ? "accepts" : "refuses");
        if (policy.Expected.Length == 0)
            Assert.Equal("accepts", policy.Schema);
    }

    [Fact]
    public async Task Everything_in_the_catalog_can_be_named_and_has_a_name_and_a_summary_of_its_own()
    {
        var names = Catalog.Default;
        var named = names
            .Metrics.Select(m => (m.Name, m.Summary))
            .Concat(names.Attacks.Select(a => (a.Name, a.Summary)))
            .Concat(names.Corruptions.Select(c => (c.Name, c.Summary)))
            .Concat(names.Rates.Where(r => r.Name != "accuracy").Select(r => (r.Name, r.Summary)))
            .Concat(names.Repairs.Select(r => (r.Name, r.Summary)))
            .Concat(names.Reports.Select(r => (r.Name, r.Summary)))
            .ToList();
        Assert.All(named, n => Assert.Matches("^[a-z][a-z0-9_-]*$", n.Name));
        Assert.All(named, n => Assert.Matches(@"^[A-Z].{10,}\.$", n.Summary));
        Assert.Equal(named.Count, named.DistinctBy(n => n.Name).Count());

        // Of every metric what it has to be given; of those under an attack each attack.
        var gates = names.Metrics.SelectMany(m =>
        {
            var needed = PolicyShape
                .Rule.For(m)
                .Keys(names)
                .Where(k => k.Refused is null && k.Required)
                .Select(k => k.Example!)
                .ToList();
            var attacks = m.Keys.Contains(AttackKeys.Nearest) ? names.All<IMinimalAttack>() : names.All<IAttack>();
            var each =
                needed.RemoveAll(e => e.StartsWith("attack:", StringComparison.Ordinal)) > 0
                    ? attacks.Select(Attack)
                    : [""];
            return each.Select(attack =>
            {
                var keys = needed.Prepend(attack).Where(e => e.Length > 0).Select(e => $"{e}, ");
                return $"  - {m.Name}: {{ {string.Concat(keys)}{GatesShape.Bound(m)}: 0.5, drop: 0.1 }}";
            });
        });
        // In the norm that stands without one, or one of its own.
        static string Attack(IAttack attack)
        {
            var norm = attack.Norms[0].ToString().ToLowerInvariant();
            return $"attack: {attack.Name}{(attack.Norms.Contains(Norm.Linf) ? "" : $", norm: {norm}")}";
        }

        var yaml = $"""
            {PolicyFolder.Minimal}
            {string.Join('\n', gates)}
            groups: {"{ sex: { column: sex } }"}
            repair: {"{"} methods: [{string.Join(", ", names.Repairs.Select(r => r.Name))}] {"}"}
            report: {"{"} {string.Join(", ", names.Reports.Select(r => $"{r.Name}: true"))} {"}"}
            """;
        using var folder = new PolicyFolder();
        Assert.Empty(folder.Read(yaml, names).Diagnostics);
        Assert.Empty(
            (await JsonSchema.FromJsonAsync(PolicySchema.Generate(), TestContext.Current.CancellationToken)).Validate(
                Json(yaml)
            )
        );
    }

    [Fact]
    public void It_describes_every_key()
    {
        var root = JsonNode.Parse(PolicySchema.Generate(PolicyFolder.Names))!.AsObject();
        var keys = Properties(root).ToList();
        Assert.True(keys.Count > 50, $"only {keys.Count} keys were found");
        Assert.All(keys, k =>
            Assert.False(string.IsNullOrWhiteSpace((string?)k.Value!["description"]), $"{k.Key} has no description")
        );
    }

    [Fact]
    public void A_metric_attack_repair_and_report_of_the_catalog_each_have_a_place_in_the_reference()
    {
        var reference = string.Concat(
            PolicyReference.Parts.Select(p => "\n" + PolicyReference.Markdown(p, PolicyFolder.Names))
        );
        var names = PolicyFolder
            .Names.Metrics.Select(m => m.Name)
            .Concat(PolicyFolder.Names.Attacks.Select(a => a.Name))
            .Concat(PolicyFolder.Names.Repairs.Select(r => r.Name))
            .Concat(PolicyFolder.Names.Reports.Select(r => r.Name));
        Assert.All(names, n => Assert.Contains($"\n| `{n}` |", reference, StringComparison.Ordinal));
        Assert.All(
            Properties(JsonNode.Parse(PolicySchema.Generate(PolicyFolder.Names))!)
                .Where(k => k.Value!["properties"] is null),
            k => Assert.Contains($"{k.Key}` |", reference, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_part_replaces_what_stands_between_its_two_lines()
    {
        const string Document =
            "# Title\n\n<!-- keys -->\nold\n<!-- /keys -->\n\nmore\n<!-- repairs --><!-- /repairs -->\n";
        var updated = PolicyReference.Update(Document, PolicyFolder.Names);
        Assert.StartsWith("# Title\n\n<!-- keys -->\n\n| key |", updated, StringComparison.Ordinal);
        Assert.Contains(
            " |\n\n<!-- /keys -->\n\nmore\n<!-- repairs -->\n\n| repair |",
            updated,
            StringComparison.Ordinal
        );
        var last = PolicyFolder.Names.Repairs[^1];
        Assert.EndsWith(
            $"| `{last.Name}` | {last.Summary} |\n\n<!-- /repairs -->\n",
            updated,
            StringComparison.Ordinal
        );
        Assert.Equal(updated, PolicyReference.Update(updated, PolicyFolder.Names));
        Assert.Equal("# No such lines\n", PolicyReference.Update("# No such lines\n"));
    }

    private static string Json(string yaml)
    {
        var value = new DeserializerBuilder()
            .WithAttemptingUnquotedStringTypeDeserialization()
            .Build()
            .Deserialize<object?>(yaml);
        return new SerializerBuilder().JsonCompatible().Build().Serialize(value);
    }

    private static IEnumerable<KeyValuePair<string, JsonNode?>> Properties(JsonNode? node) =>
        node switch
        {
            JsonObject map => map.SelectMany(e =>
                e.Key == "properties"
                    ? e.Value!.AsObject().Concat(e.Value.AsObject().SelectMany(p => Properties(p.Value)))
                    : Properties(e.Value)
            ),
            JsonArray list => list.SelectMany(Properties),
            _ => [],
        };
}
