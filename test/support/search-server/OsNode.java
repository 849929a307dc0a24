import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.opensearch.Version;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.http.HttpServerTransport;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.PluginInfo;

/**
 * One OpenSearch node (2.x, 3.x) on 127.0.0.1, embedded: `OsNode HOME TRANSPORT_PLUGIN_CLASS [setting=value]...`. It says READY and its
 * address, and ends when its standard input does.
 */
public class OsNode extends Node {
  @SuppressWarnings({"unchecked", "rawtypes"})
  OsNode(Environment environment, Collection plugins) {
    super(environment, plugins, false);
  }

  public static void main(String[] args) throws Exception {
    Path home = Path.of(args[0]).toAbsolutePath();
    Files.createDirectories(home.resolve("config"));
    Settings.Builder settings = Settings.builder()
      .put("path.home", home).put("cluster.name", "test").put("node.name", "test").put("discovery.type", "single-node")
      .put("network.host", "127.0.0.1").put("http.port", 0).put("transport.port", 0)
      .put("cluster.routing.allocation.disk.threshold_enabled", false);
    for (int i = 2; i < args.length; i++) {
      String[] pair = args[i].split("=", 2);
      settings.put(pair[0], pair[1]);
    }
    var environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "test");
    // 2.x takes classes, 3.x descriptions.
    Object plugin = Version.CURRENT.major < 3 ? Class.forName(args[1])
      : new PluginInfo("transport", "transport", "0", Version.CURRENT, "21", args[1], null, List.of(), false);
    var node = new OsNode(environment, List.of(plugin));
    node.start();
    var http = node.injector().getInstance(HttpServerTransport.class);
    System.out.println("READY " + http.boundAddress().publishAddress());
    while (System.in.read() >= 0) {}
    node.close();
    System.exit(0);
  }
}
