import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.http.HttpServerTransport;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.Plugin;

/**
 * One Elasticsearch 7.17 node on 127.0.0.1, embedded: `Es7Node HOME TRANSPORT_PLUGIN_CLASS [setting=value]...`. It says READY and its
 * address, and ends when its standard input does.
 */
public class Es7Node extends Node {
  Es7Node(Environment environment, Collection<Class<? extends Plugin>> plugins) {
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
    LogConfigurator.configureWithoutConfig(settings.build());
    var environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), null, () -> "test");
    var node = new Es7Node(environment, List.of(Class.forName(args[1]).asSubclass(Plugin.class)));
    node.start();
    var http = node.injector().getInstance(HttpServerTransport.class);
    System.out.println("READY " + http.boundAddress().publishAddress());
    while (System.in.read() >= 0) {}
    node.close();
    System.exit(0);
  }
}
